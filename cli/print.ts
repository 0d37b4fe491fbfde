/** Answers for people: a table for a list, one line a member for anything else. */
import { formatOpen } from '@openledger/sdk';

/** @param value plain JSON */
export function readable(value: unknown): string {
  if (isObject(value) && Array.isArray(value.items)) {
    const more = value.next === undefined ? '' : `\nMore: --after ${String(value.next)}`;
    return `${table(value.items.filter(isObject))}${more}`;
  }
  if (isObject(value)) return members(value, '');
  return cell('', value);
}

type JsonObject = { readonly [name: string]: unknown };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Columns are as wide as their widest cell; what only some rows have is left blank. */
export function table(rows: readonly JsonObject[]): string {
  if (rows.length === 0) return 'None.';
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [names, ...rows.map((row) => names.map((name) => clip(cell(name, row[name]))))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) => line.map((text, column) => text.padEnd(widths[column])).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function members(object: JsonObject, indent: string): string {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries
    .map(([name, value]) => {
      if (isObject(value)) return `${indent}${name}\n${members(value, `${indent}  `)}`;
      if (Array.isArray(value) && value.some(isObject)) {
        const rows = table(value.filter(isObject)).replace(/^/gm, `${indent}  `);
        return `${indent}${name}\n${rows}`;
      }
      return `${indent}${name.padEnd(width)}  ${cell(name, value)}`;
    })
    .join('\n');
}

/** Amounts are shown in OPEN; `--json` has the units. */
function cell(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (/units$/i.test(name) && typeof value === 'string' && /^-?\d+$/.test(value)) {
    return `${formatOpen(BigInt(value))} OPEN`;
  }
  if (Array.isArray(value) && !value.some(isObject)) return value.map(String).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : printable(String(value));
}

/** Texts of strangers do not move the cursor. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, (c) => (c === '\n' ? c : '?'));

const clip = (text: string): string => {
  const line = text.replaceAll('\n', ' ');
  return line.length > 72 ? `${line.slice(0, 71)}…` : line;
};
