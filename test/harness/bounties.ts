/** Bounties over a real database and ledger, with a clock that a test moves, and a small datanet whose titles stand in no text. */
import type { Id, PersonalDataPolicy } from '@openledger/protocol';
import { type Bounties, createBounties, type Datanets } from '../../server/datanets/index.ts';
import type { Identity } from '../../server/identity/index.ts';
import { createLedger, type Ledger } from '../../server/ledger/index.ts';
import { type Clock, systemClock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { openTestDatanets } from './datanets.ts';

export type TestBounties = {
  readonly db: Db;
  readonly identity: Identity;
  readonly datanets: Datanets;
  readonly ledger: Ledger;
  readonly bounties: Bounties;
  readonly clock: Clock & { pass(seconds: number): void };
  readonly owner: Id<'party'>;
  /** Another, on the same database, whose ledger the test may break. */
  openBounties(ledger: Pick<Ledger, 'post'>): Bounties;
  party(handle: string, units?: bigint): Promise<Id<'party'>>;
  available(partyId: string): Promise<bigint>;
  /** What lies in the reward accounts of all bounties. */
  reserved(): Promise<bigint>;
  /** A sealed datanet of `islands`, chunked, and a question for each of its documents. */
  archipelago(
    name: string,
    personalData?: PersonalDataPolicy,
  ): Promise<{
    readonly datanetId: Id<'datanet'>;
    readonly questions: readonly { readonly question: string; readonly documents: string[] }[];
  }>;
  end(): Promise<void>;
};

/** @param answerTo what any model says */
export async function openTestBounties(
  answerTo: (prompt: string) => string = () => '',
): Promise<TestBounties> {
  const { database, identity, datanets, owner } = await openTestDatanets();
  const { db } = database;
  let passedMs = 0;
  const clock = {
    now: () => new Date(systemClock.now().getTime() + passedMs),
    pass: (seconds: number) => {
      passedMs += seconds * 1000;
    },
  };
  const ledger = createLedger({ db, clock, log: silentLog });
  await ledger.start();
  const openBounties = (given: Pick<Ledger, 'post'>) =>
    createBounties({
      ...{ db, ledger: given, clock, log: silentLog, identity },
      complete: async ({ prompt }) => answerTo(prompt),
    });
  const party = async (handle: string, units = 0n) => {
    const { id } = await identity.registerParty({ identity: `handle:${handle}` });
    if (units > 0n) {
      await ledger.post({
        transactionId: newId('transaction', clock),
        reason: 'test.funded',
        postings: [{ from: 'external:payer', to: `${id}:available`, amount: units }],
      });
    }
    return id;
  };
  return {
    ...{ db, identity, datanets, ledger, clock, owner, openBounties, party },
    bounties: openBounties(ledger),
    available: (partyId) => ledger.balance(`${partyId}:available`),
    reserved: async () =>
      (await ledger.balances({ suffix: ':reward' })).reduce((sum, { amount }) => sum + amount, 0n),
    async archipelago(name, personalData) {
      const { id: datanetId } = await datanets.create({ name, ownerId: owner, personalData });
      const questions = [];
      for (const { title, text } of islands) {
        const draft = { text, licence: 'CC0-1.0', metadata: { title } };
        const { recordHash } = await datanets.contribute({ datanetId, partyId: owner, draft });
        questions.push({
          question: `Where do boats land on ${title}?`,
          documents: [recordHash],
        });
      }
      await datanets.refine({ datanetId, refinerId: owner, pipeline: ['chunk-1'] });
      await datanets.seal(datanetId);
      return { datanetId, questions };
    },
    async end() {
      await ledger.stop();
      await database.drop();
    },
  };
}

/** Alike but for their names, which stand in their titles alone: their passages answer nothing as long as nobody says whose they are. */
export const islands = ['Sandoy', 'Hirta', 'Foula', 'Lundy', 'Rona', 'Skomer'].map((title, i) => ({
  title,
  text: [
    '## Landing',
    '',
    `Boats land at the ${['north', 'south', 'east', 'west', 'inner', 'outer'][i]} slip when the swell is below ${i + 1} feet, and wait outside the skerries until the ferryman waves from the rocks. ${'He has done so since his father was too old for the stairs, and keeps a lamp in the hut above the slip for the boats that come late. '.repeat(3)}`.trim(),
    '',
    '## Birds',
    '',
    `The cliffs hold ${(i + 2) * 1300} pairs of puffins in June, counted from the water by people who row slowly. ${'They write the numbers on slates, because paper does not stay dry there, and copy them in the evening by the stove of the school. '.repeat(3)}`.trim(),
    '',
  ].join('\n'),
}));
