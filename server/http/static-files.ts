/** The console's files. No path leaves their folder, by `..` or by a link. */
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Only files of our own, no inline script, no frame: an injected string stays a string. */
export const consolePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @returns undefined when the folder has no such file, or only by leaving it */
export async function staticFile(folder: string, path: string): Promise<Response | undefined> {
  const file = await confine(folder, path === '/' ? '/index.html' : path);
  const contentType = file && contentTypes[extname(file)];
  if (!contentType) return undefined;
  const content = await readFile(file).catch(() => undefined);
  if (!content) return undefined;
  return new Response(content, {
    headers: {
      'content-type': contentType,
      'content-security-policy': consolePolicy,
      // The bundler names assets by their content.
      'cache-control': path.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    },
  });
}

/** The real path of a file in the folder. */
async function confine(folder: string, path: string): Promise<string | undefined> {
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, decodeURIComponent(path)));
    return file.startsWith(root + sep) ? file : undefined;
  } catch {
    return undefined; // absent, malformed, or not ours to read
  }
}
