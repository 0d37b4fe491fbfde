/** Processes that can write to the ledger: one does, the others wait; they crash, restart and stand still. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Outcome } from '../../server/ledger/apply.ts';
import type { Command } from '../../server/ledger/command.ts';
import { createWriter, type Writer } from '../../server/ledger/writer.ts';
import { createSimStore, type Disk } from './disk.ts';
import { type Actor, createActor } from './scheduler.ts';
import { BEGINNING, type World } from './world.ts';

export type Node = {
  readonly name: string;
  /** Changes with every restart. */
  readonly actor: () => Actor;
  readonly submit: (command: Command) => Promise<Outcome>;
};

const SILENT = { info() {}, warn() {}, error() {} };

/** How far a process's clock may be ahead. */
export const SKEW_MS = 20;

export function createNode(world: World, { name, disk }: { name: string; disk: Disk }): Node {
  const { chance } = world;
  let actor: Actor;
  let writer: Writer;

  function boot(): void {
    actor = createActor(name);
    const mine = actor;
    const skewMs = chance.between(0, SKEW_MS);
    writer = createWriter({
      store: createSimStore(world, { disk, actor: mine }),
      clock: { now: () => new Date(BEGINNING + world.now() + skewMs) },
      log: SILENT,
      turn: () => world.sleep(chance.between(0, 1), mine),
      onCommit() {},
    });
    void start(writer, mine);
    world.after(chance.between(100, 600), () => meetFate(mine), mine);
  }

  async function start(begun: Writer, mine: Actor): Promise<void> {
    for (;;) {
      try {
        return await begun.start({ waitMs: chance.between(50, 200) });
      } catch (error) {
        if (!(error instanceof OpenLedgerError)) world.fail(`${name} did not start: ${error}`);
        await world.sleep(chance.between(20, 100), mine);
      }
    }
  }

  function meetFate(mine: Actor): void {
    const { crash, pause } = world.faults();
    if (chance.happens(crash)) {
      world.trace(name, 'crashes');
      mine.isAlive = false;
      world.after(chance.between(0, 60), () => loseLock(mine));
      world.after(chance.between(20, 400), boot);
      return;
    }
    if (chance.happens(pause)) {
      const pauseMs = chance.between(100, 700);
      world.trace(name, `stands still for ${pauseMs} ms`);
      mine.pausedUntil = world.now() + pauseMs;
      if (chance.happens(0.7)) world.after(chance.between(0, pauseMs), () => loseLock(mine));
    }
    world.after(chance.between(100, 600), () => meetFate(mine), mine);
  }

  /** The database ends the session of one who does not answer. */
  function loseLock(mine: Actor): void {
    if (disk.lock === mine) disk.lock = undefined;
  }

  boot();
  return { name, actor: () => actor, submit: (command) => writer.submit(command) };
}
