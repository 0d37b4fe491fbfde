/** Whether the first line of a file of JSON is a conversation: its messages, and no text beside them. */
import { open } from 'node:fs/promises';

/** Longer first lines are none. */
const HEAD_BYTES = 1_000_000;

export async function holdsChat(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const [line] = buffer.toString('utf8', 0, bytesRead).trimStart().split('\n', 1);
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'messages' in value && !('text' in value);
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
