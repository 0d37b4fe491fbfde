/** A tokenizer of a model elsewhere: small, and the same every time. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trainTokenizer } from '../../server/compute/tokenizer/train-tokenizer.ts';

const TEXTS = [
  'The harbour master writes down when each boat comes in and when it goes out again, and what it carries.',
  'When the water is high the boats come in; when it is low they wait. The master knows when the water is high.',
  'const boats = harbour.filter((boat) => boat.isIn);\n\nreturn boats.length;\n',
];

/** The content of its `tokenizer.json`. */
export const harbourTokenizer = (): object => trainTokenizer(TEXTS, { vocabularySize: 420 });

/** Puts it where models find it by this name. */
export async function putTokenizer(modelsFolder: string, name: string): Promise<void> {
  const folder = join(modelsFolder, 'tokenizers');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), JSON.stringify(harbourTokenizer()));
}
