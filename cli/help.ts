/** What `openledger help` says, from the two tables. */
import { api, fieldsOf, type Operation } from '@openledger/sdk';
import { toKebab } from './arguments.ts';
import { findOperation, operationsOf } from './call-operation.ts';
import { commands } from './commands.ts';
import { DEFAULT_URL } from './session.ts';

/** @param words none, a noun, or a noun and a verb */
export function help([noun, verb]: readonly string[]): string {
  if (noun === undefined) return overview();
  if (Object.hasOwn(commands, noun)) return `openledger ${noun}\n  ${commands[noun].summary}`;
  return verb === undefined ? nounHelp(noun) : verbHelp(noun, verb);
}

function overview(): string {
  const nouns = Object.entries(api).map(
    ([noun, operations]): Row => [noun, Object.keys(operations).map(toKebab).join(', ')],
  );
  const verbs = Object.entries(commands).map(([name, { summary }]): Row => [name, summary]);
  return [
    'openledger <command>',
    rows(verbs),
    'openledger <noun> <verb> --field value ...',
    rows(nouns),
    'Everywhere:',
    rows([
      ['--json', 'print JSON instead of tables'],
      ['--url URL', `the server (else OPENLEDGER_URL, the profile, ${DEFAULT_URL})`],
      ['--key SECRET', 'the API key (else OPENLEDGER_KEY, the profile)'],
      ['help <noun> [verb]', 'what a noun can do, what a verb takes'],
    ]),
  ].join('\n');
}

function nounHelp(noun: string): string {
  const operations = operationsOf(noun);
  if (!operations) return findOperation(noun, '').summary; // throws, naming the nouns that there are
  const verbs = Object.entries(operations).map(
    ([verb, { summary }]): Row => [toKebab(verb), summary],
  );
  return `openledger ${noun} <verb>\n${rows(verbs)}`;
}

function verbHelp(noun: string, verb: string): string {
  const operation: Operation = findOperation(noun, verb);
  const fields = fieldsOf(operation).map(
    ({ name, type, required, choices }): Row => [
      `--${toKebab(name)}`,
      [choices?.join('|') ?? type, required ? 'required' : ''].filter(Boolean).join(', '),
    ],
  );
  if (operation.body === 'ndjson') fields.push(['--body FILE', 'JSON lines; - is standard input']);
  const scope = operation.scope === 'public' ? 'no key' : `scope ${operation.scope}`;
  return `openledger ${noun} ${toKebab(verb)}   (${scope})\n  ${operation.summary}\n${rows(fields)}`;
}

type Row = readonly [string, string];

function rows(pairs: readonly Row[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`).join('\n');
}
