/** The end of the first loop: your own sentence is contributed, earns, and its receipt is tampered with and fails. */
import { createInterface } from 'node:readline/promises';
import {
  createClient,
  firstFailure,
  formatOpen,
  type Id,
  openBundle,
  verifyBundle,
} from '@openledger/sdk';
import { type CallPlan, makeCall, openAiOf } from './calls.ts';
import { type Check, collectReceipts, flipByte, type Receipted } from './check.ts';
import type { People } from './people.ts';
import type { Output } from './progress.ts';

const SENTENCE =
  'The lighthouse keeper of Utklippan counts every ship by name, and writes the tally in a blue notebook before dawn.';

/** With other seeds the model may take another way; one of these nearly always follows the retrieved text. */
const TRIES = 6;

export type OwnSentenceOptions = {
  readonly baseUrl: string;
  readonly people: People;
  readonly datanetId: Id<'datanet'>;
  readonly models: readonly string[];
  readonly output: Output;
  /** Ask for a sentence; otherwise ours is taken. */
  readonly isInteractive: boolean;
};

export async function ownSentence(options: OwnSentenceOptions): Promise<readonly Check[]> {
  const { people, datanetId, output, baseUrl } = options;
  const { visitor, curator } = people;
  const line = (text = '') => output.write(`${text}\n`);
  line();
  line('── now a sentence of your own ──');
  const sentence = options.isInteractive ? await askForSentence() : SENTENCE;
  await visitor.client.datanets.contribute({ datanetId, text: sentence, licence: 'CC0-1.0' });
  await curator.client.datanets.refine({ datanetId });
  await curator.client.datanets.seal({ datanetId });
  line(`contributed and sealed: ${JSON.stringify(sentence)}`);

  const receipt = await untilPaid({ ...options, sentence });
  if (!receipt) {
    return [
      { name: 'your own sentence was paid', ok: false, detail: `not quoted in ${TRIES} answers` },
    ];
  }
  const { bundle, text, call } = receipt;
  const weight = weightOf(receipt, visitor.partyId);
  const data = BigInt(bundle.receipt.legs.find(({ role }) => role === 'data')?.units ?? 0);
  const paid = (data * weight) >> 64n;
  line(`asked ${JSON.stringify(call.prompt)}, the model answered ${JSON.stringify(call.answer)}`);
  line(
    `you earned ${formatOpen(paid)} OPEN of a call that cost ${formatOpen(BigInt(bundle.receipt.price.units))}`,
  );

  const trust = await createClient({ baseUrl }).receipts.trust();
  const intact = firstFailure(verifyBundle(text, trust));
  line(intact ? `the receipt fails at ${intact.check}` : 'the receipt verifies');
  const broken = firstFailure(
    verifyBundle(flipByte(text, text.indexOf(call.answer.slice(0, 4))), trust),
  );
  line(
    broken
      ? `with one letter changed it fails at "${broken.check}": ${broken.detail}`
      : 'with one letter changed it still verifies',
  );
  return [
    { name: 'your own sentence was paid', ok: paid > 0n && !intact, detail: `${paid} units` },
    {
      name: 'its tampered receipt failed',
      ok: broken !== undefined,
      detail: broken?.check ?? 'it verified',
    },
  ];
}

/** Asks with the sentence's first words, retrieving, until the answer quotes it. */
async function untilPaid(
  options: OwnSentenceOptions & { readonly sentence: string },
): Promise<Receipted | undefined> {
  const { people, baseUrl, datanetId, models, sentence } = options;
  const plan: CallPlan = {
    ...{ visitor: people.visitor, baseUrl, models, count: TRIES },
    datanetIds: [datanetId],
    prompts: [sentence.split(' ').slice(0, 4).join(' ')],
  };
  const silent: Output = { write: () => true };
  for (let seed = 1; seed < 2 * TRIES; seed += 2) {
    const call = await makeCall(openAiOf(plan), plan, seed); // odd calls retrieve
    const [receipt] = await collectReceipts(people.visitor.client, [call], silent);
    if (weightOf(receipt, people.visitor.partyId) > 0n) return receipt;
  }
  return undefined;
}

function weightOf({ text }: Receipted, partyId: string): bigint {
  const shares = openBundle(text).bundle?.receipt.shares ?? [];
  return BigInt(shares.find(({ to }) => to === partyId)?.weight ?? 0);
}

async function askForSentence(): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(
    'Paste a sentence of at least ten words (Enter takes ours): ',
  );
  terminal.close();
  return answer.trim() === '' ? SENTENCE : answer.trim();
}
