import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Either the old file or the whole new one exists, whatever happens in between. */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  mode = 0o644,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const file = await open(draft, 'w', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync(); // else the new name may not outlive a power cut
  await folder.close();
}
