import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { environmentExample } from '../server/platform/environment-example.ts';

const stages = readdirSync('server', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'dist')
  .map((entry) => entry.name);

const sourcesOf = (stage: string) =>
  readdirSync(`server/${stage}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|sql)$/.test(file) && !/\.(test|bench)\.ts$/.test(file))
    .map((file) => ({ file, text: readFileSync(`server/${stage}/${file}`, 'utf8') }));

test('sees the stages', () => {
  expect(stages.length).toBeGreaterThanOrEqual(15);
});

/** What no import checker sees: which tables a stage's SQL names. */
test.each(stages)('%s names only its own tables', (stage) => {
  const others = stages.filter((other) => other !== stage).join('|');
  const foreign = new RegExp(`\\b(?:from|join|into|update|table)\\s+(?:${others})\\.\\w+`);
  const trespass = sourcesOf(stage).flatMap(({ file, text }) => {
    const found = text.match(foreign);
    return found ? [`${file}: ${found[0]}`] : [];
  });
  expect(trespass).toEqual([]);
});

test.each(
  stages.filter((stage) => !['platform', 'compute', 'http'].includes(stage)),
)('%s has a door with a charter', (stage) => {
  const door = readFileSync(`server/${stage}/index.ts`, 'utf8');
  expect(door).toMatch(/^\/\*\*\n \* /);
});

test('.env.example says what the configuration reads', () => {
  expect(readFileSync('.env.example', 'utf8')).toBe(environmentExample());
});
