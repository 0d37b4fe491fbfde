/** Random bytes in hex. Asking the system costs more than the rest, so it is asked for many at once; each is given out once. */
import { randomFillSync } from 'node:crypto';

const page = Buffer.alloc(4096);
let used = page.length;

/** @param bytes at most 4096 */
export function randomHex(bytes: number): string {
  if (used + bytes > page.length) {
    randomFillSync(page);
    used = 0;
  }
  used += bytes;
  return page.toString('hex', used - bytes, used);
}
