/** Holds the floor plan, and proves that it looked: fewer modules cruised than source files is a failure. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const rooms = ['contracts', 'protocol', 'server', 'sdk', 'cli', 'web'];

const { stdout, stderr, status } = spawnSync(
  process.execPath,
  ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', ...rooms, '--output-type', 'json'],
  { encoding: 'utf8', maxBuffer: 1 << 28 },
);
if (!stdout) throw new Error(`dependency-cruiser said nothing (status ${status}): ${stderr}`);

const { modules, summary } = JSON.parse(stdout);
const ours = modules.filter(({ source }) => rooms.some((room) => source.startsWith(`${room}/`)));
const files = rooms.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !/(^|\/)(dist|node_modules)\//.test(file),
  ),
);

for (const { rule, from, to } of summary.violations)
  console.error(`${rule.name}: ${from} -> ${to}`);
if (ours.length < files.length) {
  console.error(`Only ${ours.length} of ${files.length} source files were cruised.`);
  process.exit(1);
}
console.log(`floors: ${ours.length} modules cruised, ${summary.violations.length} violations`);
process.exit(summary.violations.length > 0 ? 1 : 0);
