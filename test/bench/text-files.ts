/** Text of the machine's own: sources and documentation of installed packages and of the system, in a fixed order. */
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const roots = [
  modules,
  ...['/usr/include', '/usr/share/doc', '/usr/lib/python3', '/usr/share/perl', '/usr/lib/gcc'],
  ...['/usr/lib', '/usr/share'], // again with what was above: who counts texts tells copies by their hash
];
/** A file without one is mostly a licence or notes of a release. */
const kinds = new Set(['.md', '.txt', '.js', '.ts', '.py', '.h', '.pl', '.pm', '.html', '']);
const MOST_BYTES = 200_000;

/** One file each, at most 200,000 bytes, UTF-8. */
export function* textFiles(): Generator<string> {
  for (const root of roots) if (existsSync(root)) yield* below(root);
}

function* below(folder: string): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* below(path);
    else if (entry.isFile() && kinds.has(extname(entry.name))) {
      const bytes = readFileSync(path);
      if (bytes.length === 0 || bytes.length > MOST_BYTES || bytes.includes(0)) continue;
      yield bytes.toString('utf8');
    }
  }
}

const entriesOf = (folder: string): readonly Dirent[] =>
  readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
