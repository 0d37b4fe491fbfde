/** `openledger <noun> <verb> --field value`: any operation of the table, its input read from flags. */
import { createReadStream } from 'node:fs';
import { api, type Field, fieldsOf, OpenLedgerError, type Operation } from '@openledger/sdk';
import { type Arguments, flagOf, hasFlag, toCamel, toKebab } from './arguments.ts';
import { readable } from './print.ts';
import { openSession } from './session.ts';

/** Flags that are ours and no field's. */
const ownFlags = new Set(['json', 'url', 'key', 'body', 'help']);

export async function callOperation(noun: string, verb: string, args: Arguments): Promise<string> {
  const operation = findOperation(noun, verb);
  const input = readInput(operation, args);
  const { client } = await openSession(args);
  const invoke = methodOf(client, noun, toCamel(verb));
  const answer =
    operation.body === 'ndjson'
      ? await invoke(input, { body: readBody(flagOf(args, 'body')) })
      : await invoke(input);
  return hasFlag(args, 'json') ? JSON.stringify(answer, null, 2) : readable(answer);
}

/** @throws not_found, naming what there is */
export function findOperation(noun: string, verb: string): Operation {
  const operations = operationsOf(noun);
  const name = toCamel(verb);
  if (operations && Object.hasOwn(operations, name)) return operations[name];
  const known = operations ? Object.keys(operations).map(toKebab) : Object.keys(api);
  const what = operations ? `${noun} has no "${verb}"` : `There is no "${noun}"`;
  throw new OpenLedgerError('not_found', `${what}. Known: ${known.join(', ')}.`);
}

/** @returns undefined when the word is no noun */
export const operationsOf = (noun: string): Readonly<Record<string, Operation>> | undefined =>
  Object.hasOwn(api, noun) ? api[noun as keyof typeof api] : undefined;

/** @throws invalid_input when a flag is no field, a field is missing, or a value is not of its type */
export function readInput(operation: Operation, { words, flags }: Arguments): object {
  if (words.length > 0) {
    throw new OpenLedgerError('invalid_input', `"${words[0]}" is not a flag: write --field value.`);
  }
  const fields = fieldsOf(operation);
  const given = [...flags].filter(([flag]) => !ownFlags.has(flag) || fieldNamed(fields, flag));
  const input = given.map(([flag, values]) => {
    const field = fieldNamed(fields, flag);
    if (field) return [field.name, readValue(field, values)];
    const known = fields.map(({ name }) => `--${toKebab(name)}`).join(', ');
    throw new OpenLedgerError('invalid_input', `There is no --${flag}. Known: ${known || 'none'}.`);
  });
  const missing = fields.find(({ name, required }) => required && !input.some(([n]) => n === name));
  if (missing) {
    throw new OpenLedgerError('invalid_input', `--${toKebab(missing.name)} is missing.`);
  }
  return Object.fromEntries(input);
}

const fieldNamed = (fields: readonly Field[], flag: string): Field | undefined =>
  fields.find(({ name }) => name === toCamel(flag));

function readValue({ name, type }: Field, values: readonly string[]): unknown {
  if (type === 'texts') return values.flatMap((value) => value.split(','));
  if (type === 'numbers') return values.flatMap((value) => value.split(',')).map(readNumber);
  if (values.length > 1) {
    throw new OpenLedgerError('invalid_input', `--${toKebab(name)} is given twice.`);
  }
  const [value] = values;
  if (type === 'number') return readNumber(value);
  if (type === 'flag') return value === 'true';
  return type === 'json' ? readJson(value) : value;
}

function readNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new OpenLedgerError('invalid_input', `"${text}" is not a number.`);
}

/** A value that is not JSON is a text: the quotes may be left out. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `-` is standard input. */
function readBody(path: string | undefined): AsyncIterable<Uint8Array> {
  if (path === undefined) {
    throw new OpenLedgerError(
      'invalid_input',
      'Name the file of JSON lines: --body FILE, or --body -.',
    );
  }
  return path === '-' ? process.stdin : createReadStream(path);
}

type Invoke = (input: object, options?: object) => Promise<unknown>;

/** The client has what the table has, which `findOperation` has seen. */
function methodOf(client: object, noun: string, verb: string): Invoke {
  return (client as Readonly<Record<string, Readonly<Record<string, Invoke>>>>)[noun][verb];
}
