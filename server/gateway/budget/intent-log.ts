/**
 * Intent records in a folder, one a line, each with its checksum.
 *
 * What is appended in one turn of the event loop is written together at its end, when what the turn sent has left as well, and
 * survives the death of the process from then on; `durable` resolves when it survives the death of the machine too, one sync at
 * a time for all who wait. A log that could not be written takes nothing more.
 */
import { closeSync, fdatasync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { lockFolder } from './folder-lock.ts';
import type { IntentRecord } from './intent.ts';

export type IntentLog = {
  /** What was written by the processes before this one, oldest first. */
  readonly past: readonly IntentRecord[];
  /** @throws unavailable when the file could not be written before */
  append(record: IntentRecord): void;
  /** Resolves when all that was appended before is on the disk. */
  durable(): Promise<void>;
  /** Whether it has grown enough to be worth compacting. */
  isLarge(): boolean;
  /** Says the same in fewer words: these records take the place of all before them, durably. */
  compact(records: readonly IntentRecord[]): void;
  close(): Promise<void>;
};

export type IntentLogOptions = {
  /** The size from which on it is compacted. */
  readonly compactBytes?: number;
};

/**
 * @throws unavailable when another process has the folder; unprocessable when a line that is not the last was changed
 */
export async function openIntentLog(
  folder: string,
  { compactBytes = 32 * 2 ** 20 }: IntentLogOptions = {},
): Promise<IntentLog> {
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    const { past, segment } = await readSegments(folder);
    const file = createSegments(folder, segment);
    file.compact(past);
    return { past, ...journal({ ...file, compactBytes, unlock }) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

type Segments = {
  write(line: string): void;
  sync(): Promise<void>;
  compact(records: readonly IntentRecord[]): number;
  close(): void;
};

/** A segment begins with all that the ones before it still mean, so that only the newest counts. */
function createSegments(folder: string, last: number): Segments {
  let number = last;
  let descriptor: number | undefined;
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    write: (line) => writeFully(descriptor as number, line),
    sync: () =>
      new Promise((resolve, reject) =>
        fdatasync(descriptor as number, (error) => (error ? reject(error) : resolve())),
      ),
    compact(records) {
      const text = records.map(formatLine).join('');
      const unfinished = join(folder, 'unfinished');
      const next = openSync(unfinished, 'w', 0o600);
      writeFully(next, text);
      fsyncSync(next);
      renameSync(unfinished, join(folder, segmentName(number + 1)));
      syncFolder(folder);
      close();
      descriptor = next;
      if (number > 0) rmSync(join(folder, segmentName(number)), { force: true });
      number += 1;
      return text.length;
    },
    close,
  };
}

function journal({
  compactBytes,
  unlock,
  ...file
}: Segments & {
  readonly compactBytes: number;
  readonly unlock: () => Promise<void>;
}): Omit<IntentLog, 'past'> {
  let sizeBytes = 0;
  let largeBytes = compactBytes;
  let unwritten = createTurn();
  let [appended, synced] = [0, 0];
  let syncing: Promise<void> | undefined;
  let broken: OpenLedgerError | undefined;
  const unlessBroken = (work: () => void): void => {
    if (broken) throw broken;
    try {
      work();
    } catch (cause) {
      broken = new OpenLedgerError('unavailable', 'Intents cannot be written.', {}, { cause });
      throw broken;
    }
  };
  const write = (): void => {
    const text = unwritten.text();
    unwritten = createTurn();
    if (text === '') return;
    unlessBroken(() => file.write(text));
    sizeBytes += text.length;
  };
  const writeAtTheEnd = (): void => {
    try {
      write();
    } catch {} // whoever waits for it to be durable is told
  };
  const sync = async (): Promise<void> => {
    await new Promise(setImmediate); // those who came in the same turn
    write();
    const upTo = appended;
    if (upTo > synced) {
      await file.sync().catch((cause: unknown) =>
        unlessBroken(() => {
          throw cause;
        }),
      );
    }
    synced = Math.max(synced, upTo);
  };
  /** One sync at a time: whoever comes while one is under way needs the next. */
  const durable = async (): Promise<void> => {
    const mine = appended;
    while (synced < mine) {
      if (broken) throw broken;
      syncing ??= sync().finally(() => {
        syncing = undefined;
      });
      await syncing;
    }
  };
  return {
    append(record) {
      if (broken) throw broken;
      if (unwritten.add(record) === 1) setImmediate(writeAtTheEnd);
      appended += 1;
      if (record.kind === 'leasing') write(); // the ledger may be asked in this very turn
    },
    durable,
    isLarge: () => sizeBytes > largeBytes && syncing === undefined,
    compact(records) {
      unwritten = createTurn(); // they say it too
      unlessBroken(() => {
        sizeBytes = file.compact(records);
      });
      largeBytes = Math.max(compactBytes, 2 * sizeBytes);
      synced = appended;
    },
    async close() {
      if (!broken) await durable();
      await syncing?.catch(() => {});
      broken ??= new OpenLedgerError('unavailable', 'The intent log is closed.');
      file.close();
      await unlock();
    },
  };
}

type Turn = {
  /** @returns how many there are */
  add(record: IntentRecord): number;
  text(): string;
};

/** What is appended in one turn. Of what a request has earned in it, only the last counts. */
function createTurn(): Turn {
  const records: (IntentRecord | undefined)[] = [];
  const earned = new Map<Id<'inference'>, number>();
  return {
    add(record) {
      if (record.kind === 'progress') {
        const earlier = earned.get(record.request);
        if (earlier !== undefined) records[earlier] = undefined;
        earned.set(record.request, records.length);
      }
      return records.push(record);
    },
    text: () => records.map((record) => (record ? formatLine(record) : '')).join(''),
  };
}

function writeFully(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.log`;

/** The newest segment; older ones are left where a process died between naming it and removing them. */
async function readSegments(folder: string) {
  const names = (await readdir(folder)).filter((name) => /^\d{8}\.log$/.test(name)).sort();
  const newest = names.at(-1);
  if (!newest) return { past: [], segment: 0 };
  const past = parseLines(await readFile(join(folder, newest), 'utf8'), newest);
  for (const name of names.slice(0, -1)) rmSync(join(folder, name), { force: true });
  return { past, segment: Number.parseInt(newest, 10) };
}

/** A torn end is what a crash leaves; a bad line with good ones after it is damage. @throws unprocessable */
export function parseLines(text: string, name: string): IntentRecord[] {
  const records = text.split('\n').slice(0, -1).map(parseLine);
  const good = records.filter((record) => record !== undefined);
  const bad = records.indexOf(undefined);
  if (bad >= 0 && bad < good.length) {
    const sentence = `Line ${bad + 1} of the intent log ${name} is damaged.`;
    throw new OpenLedgerError('unprocessable', sentence, { file: name, line: bad + 1 });
  }
  return good;
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');

/** The row of a call's record is JSON already, and stands behind a tab as it is. */
function formatLine(record: IntentRecord): string {
  const { row, ...said } = { row: undefined, ...record };
  const json = JSON.stringify(said, (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  const text = row === undefined ? json : `${json}\t${row}`;
  return `${checksum(text)} ${text}\n`;
}

/** The checksum vouches for the form: only what was written by `formatLine` is read. */
function parseLine(line: string): IntentRecord | undefined {
  const text = line.slice(9);
  if (line.length < 10 || line.slice(0, 8) !== checksum(text)) return undefined;
  const [json, row] = text.split('\t');
  const said = JSON.parse(json, (name, value) =>
    AMOUNTS.has(name) ? BigInt(value.slice(0, -1)) : value,
  );
  return row === undefined ? said : { ...said, row };
}

const AMOUNTS = new Set(['units', 'added', 'amount']);
