/** Known bugs, each a change to the source as it is loaded: the simulator has to find every one of them. */

const ledger = (file, find, replace) => ({ file: `server/ledger/${file}.ts`, find, replace });
const simulated = (file, find, replace) => ({ file: `test/simulate/${file}.ts`, find, replace });

export const mutants = [
  {
    name: 'answers-before-durable',
    edits: [
      ledger(
        'writer',
        'await mine.term.commit(prepared.write);',
        'mine.term.commit(prepared.write).catch(() => {});',
      ),
    ],
  },
  {
    name: 'writes-after-its-term',
    edits: [
      simulated(
        'disk',
        'if (term !== disk.term || batch.firstSequence !== disk.head.sequence + 1) return false;',
        '',
      ),
    ],
  },
  {
    name: 'refuses-after-its-term',
    edits: [ledger('writer', 'await mine.term.confirm();', '')],
  },
  {
    name: 'forgets-the-batch-in-flight',
    edits: [ledger('state', 'state.before = state.memory;', 'state.before = emptyMemory();')],
  },
  {
    name: 'keeps-the-state-of-a-failed-batch',
    edits: [ledger('writer', 'tenure = undefined;\n    await over', 'await over')],
  },
  {
    name: 'does-not-look-for-the-same-id',
    edits: [ledger('prepare-batch', 'term.readRecorded(own),', 'term.readRecorded([]),')],
  },
  {
    name: 'retries-under-a-new-id',
    edits: [
      simulated(
        'client',
        'wish = command;\n      }',
        `wish = command.kind === 'post' ? { ...command, transactionId: chance.id('transaction', 1) } : command;
        oracle.asks(wish);
      }`,
      ),
    ],
  },
  {
    name: 'releases-before-its-draws',
    edits: [simulated('gateways', 'await Promise.all(draws);', '')],
  },
  {
    name: 'draws-after-expiry',
    edits: [ledger('apply', 'if (at > lease.expiresAt)', 'if (Number.isNaN(+at))')],
  },
  {
    name: 'draws-under-an-old-token',
    edits: [ledger('apply', 'if (token < lease.token || ', 'if (')],
  },
  {
    name: 'expires-twice',
    edits: [
      ledger('apply', 'if (effect.ends) state.holds.delete(effect.ends.holdId);', ''),
      ledger('command', "begins ? 'begin' : 'end'", "begins ? 'begin' : command.kind"),
    ],
  },
  {
    name: 'expiry-returns-twice',
    edits: [
      ledger(
        'apply',
        'has time left.`, hold);\n      return { postings: givenBack(hold, hold.amount)',
        'has time left.`, hold);\n      return { postings: givenBack(hold, hold.amount * 2n)',
      ),
    ],
  },
  {
    name: 'expires-too-early',
    edits: [ledger('apply', 'if (at < hold.expiresAt)', 'if (+at < +hold.expiresAt - 40)')],
  },
  {
    name: 'captures-more-than-the-hold',
    edits: [ledger('apply', 'if (total > hold.amount) {', 'if (total > hold.amount + 5n) {')],
  },
  {
    name: 'takes-a-release-for-a-capture',
    edits: [ledger('same-wish', 'if (transaction.kind !== command.kind) return false;', '')],
  },
  {
    name: 'refunds-legs-rounded-each',
    edits: [
      {
        file: 'protocol/split.ts',
        find: 'const part = (amount * reached) / total - given;',
        replace: 'const part = (amount * rest) / total;',
      },
    ],
  },
  {
    name: 'forgets-earlier-refunds',
    edits: [simulated('disk', 'original = afterReversal(original, amount);', '')],
  },
  {
    name: 'rolls-up-under-a-new-id',
    edits: [
      simulated(
        'fee-loop',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is source text
        'transactionIdFor(recordedAt, `fees.batch ${id}`)',
        "parts.world.chance.id('transaction', 1)",
      ),
    ],
  },
  {
    name: 'rounds-each-fee',
    edits: [
      {
        file: 'protocol/split.ts',
        find: 'entitlement: { entitled: sum, credited: wholeUnits },',
        replace: 'entitlement: { entitled: wholeUnits << 64n, credited: wholeUnits },',
      },
    ],
  },
  {
    name: 'refund-leaves-the-shares',
    edits: [
      simulated(
        'fee-table',
        'const sums = shareProducts(dataOf(routing) - data, routing.shares);',
        'const sums = shareProducts(0n * data, routing.shares);',
      ),
    ],
  },
  {
    name: 'folds-a-pool-twice',
    edits: [simulated('fee-table', 'table.folded = after;', '')],
  },
];

/** Changes that only make rare paths common. No promise may depend on them. */

export const variants = [
  {
    name: 'small-batches',
    edits: [ledger('writer', 'BATCH_COMMANDS = 2_000', 'BATCH_COMMANDS = 2')],
  },
  {
    name: 'small-cache',
    edits: [ledger('writer', 'CACHED_ACCOUNTS = 500_000', 'CACHED_ACCOUNTS = 6')],
  },
];
