/** Asks the ledger over an unreliable wire: again and again under the same id, until there is an answer. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Outcome } from '../../server/ledger/apply.ts';
import { type Command, flawOf } from '../../server/ledger/command.ts';
import type { Node } from './nodes.ts';
import type { Asked, Oracle } from './oracle.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

export type Client = {
  /** What became of it, as the first answer that arrives says. Never resolves when the asker dies. */
  readonly ask: (command: Command, asker: Actor) => Promise<Outcome>;
};

export function createClient(
  world: World,
  { nodes, oracle }: { readonly nodes: readonly Node[]; readonly oracle: Oracle },
): Client {
  const { chance } = world;
  return {
    async ask(command, asker) {
      const flaw = flawOf(command);
      if (flaw) throw flaw;
      let wish = command;
      const asked = oracle.asks(wish);
      let node = chance.pick(nodes);
      for (let attempt = 1; ; attempt++) {
        const outcome = await attemptOnce(world, {
          asked: { ...asked, command: wish },
          node,
          oracle,
          asker,
        });
        if (outcome) return outcome;
        await world.sleep(chance.between(1, 20 * Math.min(attempt, 5)), asker);
        node = chance.pick(nodes);
        wish = command;
      }
    },
  };
}

/** @returns undefined when no answer came, or none that says what was done */
function attemptOnce(
  world: World,
  {
    asked,
    node,
    oracle,
    asker,
  }: {
    readonly asked: Asked;
    readonly node: Node;
    readonly oracle: Oracle;
    readonly asker: Actor;
  },
): Promise<Outcome | undefined> {
  const since = oracle.model.sequence;
  return new Promise((resolve) => {
    const reply = (outcome: Outcome | undefined) =>
      world.send(asker, () => {
        if (outcome) oracle.answered(asked, outcome, since);
        resolve(outcome);
      });
    world.send(node.actor(), () => {
      node.submit(asked.command).then(reply, (error) => {
        if (!(error instanceof OpenLedgerError)) world.fail(`${node.name} threw ${error.stack}`);
        reply(undefined);
      });
    });
    world.after(world.chance.between(100, 300), () => resolve(undefined), asker);
  });
}
