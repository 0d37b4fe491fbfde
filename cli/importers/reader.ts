/** The process that reads documents of strangers: started when the first one comes, killed when one takes too long. */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ReadPage } from './read-html.ts';
import type { ReadPdf } from './read-pdf.ts';

export type Order = { readonly kind: 'html' | 'pdf'; readonly bytes: Uint8Array };
type Refusal = { readonly refusal: string };

export type Reader = {
  readHtml(bytes: Uint8Array): Promise<ReadPage | Refusal>;
  readPdf(bytes: Uint8Array): Promise<ReadPdf | Refusal>;
  close(): void;
};

const MEMORY_MB = 1024;

/** @param limitMs for one document, the start of the process included */
export function openReader(limitMs = 60_000): Reader {
  let child: ChildProcess | undefined;
  const leave = () => child?.kill('SIGKILL');
  process.on('exit', leave);

  async function ask(order: Order): Promise<unknown> {
    const started = child ?? startReader();
    child = started;
    const answer = await answerOf(started, order, limitMs);
    if (answer !== undefined) return answer;
    leave();
    child = undefined;
    return { refusal: `It takes more than ${limitMs / 1000} seconds or ${MEMORY_MB} MB to read.` };
  }
  return {
    readHtml: async (bytes) => (await ask({ kind: 'html', bytes })) as ReadPage | Refusal,
    readPdf: async (bytes) => (await ask({ kind: 'pdf', bytes })) as ReadPdf | Refusal,
    close: () => {
      leave();
      process.off('exit', leave);
    },
  };
}

/** It inherits no environment, so nothing that it could give away. */
function startReader(): ChildProcess {
  const file = new URL('./reader-process.ts', import.meta.url);
  const isSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(isSource ? file : new URL('./reader-process.js', import.meta.url));
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  return fork(path, [], {
    env: {},
    execArgv: [`--max-old-space-size=${MEMORY_MB}`, ...(isSource ? ['--import', loader.href] : [])],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

/** @returns undefined when the time is over or the process has ended */
function answerOf(child: ChildProcess, order: Order, limitMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const settle = (answer: unknown) => {
      clearTimeout(timer);
      child.off('message', settle);
      child.off('exit', nothing);
      child.off('error', nothing);
      resolve(answer);
    };
    const nothing = () => settle(undefined);
    const timer = setTimeout(nothing, limitMs);
    child.on('message', settle);
    child.on('exit', nothing);
    child.on('error', nothing);
    child.send(order, (error) => error && nothing());
  });
}
