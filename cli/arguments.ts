/** Command lines: words, and flags with values. A flag given several times has several values. */
import { OpenLedgerError } from '@openledger/sdk';

export type Arguments = {
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, readonly string[]>;
};

/** Flags that never take the word after them. */
const switches = new Set([
  'json',
  'help',
  'once',
  'offline',
  'parquet',
  'recompute',
  'whole',
  'quote',
]);

/** Reads `word --flag value --flag=value --switch -- word`. A flag at the end, or before another flag, is "true". */
export function parseArguments(argv: readonly string[]): Arguments {
  const words: string[] = [];
  const flags = new Map<string, string[]>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i];
    if (argument === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!argument.startsWith('--')) {
      words.push(argument);
      continue;
    }
    const [name, inline] = splitOnce(argument.slice(2), '=');
    const next = argv[i + 1];
    const takesNext =
      inline === undefined && !switches.has(name) && next !== undefined && !next.startsWith('--');
    if (takesNext) i += 1;
    flags.set(name, [...(flags.get(name) ?? []), inline ?? (takesNext ? next : 'true')]);
  }
  return { words, flags };
}

/** The flag's one value. @throws invalid_input when it is given twice */
export function flagOf({ flags }: Pick<Arguments, 'flags'>, name: string): string | undefined {
  const values = flags.get(name) ?? [];
  if (values.length > 1) throw new OpenLedgerError('invalid_input', `--${name} is given twice.`);
  return values[0];
}

export const hasFlag = ({ flags }: Pick<Arguments, 'flags'>, name: string): boolean =>
  flags.has(name) && flags.get(name)?.[0] !== 'false';

/** The server's setting that `--data` stands for. */
export function dataOf(args: Pick<Arguments, 'flags'>): Readonly<Record<string, string>> {
  const data = flagOf(args, 'data');
  return data ? { OPENLEDGER_DATA: data } : {};
}

/** camelCase to kebab-case and back: the table's names as people type them. */
export const toKebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const toCamel = (name: string): string =>
  name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
