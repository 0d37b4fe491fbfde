/**
 * The mock operator's own account of what it sent, in a file that outlives its process. What it is about to send is written
 * first, so that it never sent more than stands there.
 */
import { openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Fault } from './faults.ts';

/** One time that the operator was asked. */
export type Attempt = {
  readonly operator: string;
  readonly tag: string;
  readonly promptTokens: number;
  readonly fault: Fault | undefined;
  /** Whether it was asked for a stream. */
  readonly stream: boolean;
  /** Words at most. */
  sent: number;
  /** What it said of its usage, in its order. */
  readonly reported: Reported[];
  /** Whether it came to its end, as far as it meant to. */
  isEnded: boolean;
};

export type Reported = { readonly prompt_tokens: unknown; readonly completion_tokens: unknown };

type Begun = Pick<Attempt, 'operator' | 'tag' | 'promptTokens' | 'fault' | 'stream'>;

type Line = { readonly id: string } & (
  | { readonly begun: Begun }
  | { readonly sent: number }
  | { readonly reported: Reported }
  | { readonly ended: true }
);

export type Journal = {
  begin(attempt: Begun): Entry;
};

export type Entry = {
  sent(words: number): void;
  reported(usage: Reported): void;
  ended(): void;
};

export function openJournal(path: string): Journal {
  const file = openSync(path, 'a');
  let begun = 0;
  const write = (line: Line) => writeSync(file, `${JSON.stringify(line)}\n`);
  return {
    begin(attempt) {
      const id = `${process.pid}-${++begun}`;
      write({ id, begun: attempt });
      return {
        sent: (words) => write({ id, sent: words }),
        reported: (usage) => write({ id, reported: usage }),
        ended: () => write({ id, ended: true }),
      };
    },
  };
}

/** By tag, all times that the requests were tried. */
export async function readJournals(
  paths: readonly string[],
): Promise<ReadonlyMap<string, readonly Attempt[]>> {
  const byTag = new Map<string, Attempt[]>();
  for (const path of paths) {
    const attempts = new Map<string, Attempt>();
    const text = await readFile(path, 'utf8').catch(() => ''); // never started
    for (const line of text.split('\n').slice(0, -1)) note(attempts, JSON.parse(line));
    for (const attempt of attempts.values()) {
      const same = byTag.get(attempt.tag);
      if (same) same.push(attempt);
      else byTag.set(attempt.tag, [attempt]);
    }
  }
  return byTag;
}

function note(attempts: Map<string, Attempt>, line: Line): void {
  if ('begun' in line) {
    const { fault } = line.begun; // absent where it is undefined
    attempts.set(line.id, { ...line.begun, fault, sent: 0, reported: [], isEnded: false });
    return;
  }
  const attempt = attempts.get(line.id) as Attempt;
  if ('sent' in line) attempt.sent = line.sent;
  else if ('reported' in line) attempt.reported.push(line.reported);
  else attempt.isEnded = true;
}
