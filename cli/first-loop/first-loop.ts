/**
 * The first loop: everything OpenLedger promises, turned once on real texts through the public API.
 *
 * contribute -> refine -> seal -> train -> serve -> attribute -> route fees -> receipt -> settle -> claim
 */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createClient, type Id, parseOpen } from '@openledger/sdk';
import { type CallPlan, makeCall, makeCalls, openAiOf } from './calls.ts';
import { type Check, checkBooks, checkReceipts, collectReceipts, type Receipted } from './check.ts';
import { gather, type Source } from './gather.ts';
import { findPeople, type People } from './people.ts';
import type { Output } from './progress.ts';
import { promptsFrom } from './prompts.ts';
import { printReport } from './report.ts';
import { settleAndClaim } from './settle.ts';
import { type TrainedModel, train } from './train.ts';

export type LoopOptions = {
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly source: Source;
  /** Where receipts, snapshots and the trust file are left for later. */
  readonly folder: string;
  readonly output: Output;
  readonly callCount: number;
  readonly steps: { readonly base: number; readonly adapter: number };
};

export type LoopResult = {
  readonly checks: readonly Check[];
  readonly people: People;
  readonly datanetId: Id<'datanet'>;
  readonly models: readonly string[];
};

export async function firstLoop(options: LoopOptions): Promise<LoopResult> {
  const { baseUrl, adminKey, output, source, callCount, steps } = options;
  const admin = createClient({ baseUrl, apiKey: adminKey });
  const people = await findPeople(admin, baseUrl);
  const { curator, builder, visitor } = people;

  const { general, special } = await gather(curator, source, output);
  const datanetIds = [...new Set([general.datanetId, special.datanetId])];
  const base = await train(builder, output, {
    ...{ kind: 'base', name: source.name, snapshot: general.id, steps: steps.base },
  });
  const adapter = await train(builder, output, {
    ...{
      kind: 'adapter',
      name: 'chosen',
      base: base.name,
      snapshot: special.id,
      steps: steps.adapter,
    },
  });

  await visitor.client.settlement.faucet({ units: parseOpen('25').toString() });
  const snapshots = await Promise.all(
    [...new Set([general.id, special.id])].map((id) =>
      curator.client.datanets.exportSnapshot({ snapshotId: id }),
    ),
  );
  const plan: CallPlan = {
    ...{ visitor, baseUrl, datanetIds, count: callCount },
    models: await modelsToCall(options, [adapter, base]),
    prompts: promptsFrom(snapshots, callCount),
  };
  const calls = await makeCalls(plan, output);
  const receipts = await collectReceipts(visitor.client, calls, output);

  const fees = await admin.fees.summary();
  const settlement = await settleAndClaim(admin, {
    ...{ baseUrl, identity: await richestIdentity(options), privateKey: randomBytes(32) },
  });
  const trust = await admin.receipts.trust();
  const receiptFile = await keepFiles(options, { receipts, snapshots, trust });
  const checks = [
    ...checkReceipts(receipts, { trust, snapshots }),
    ...(await checkBooks(admin, { calls, settlement })),
  ];
  await printReport(admin, output, {
    ...{ receipts, fees, settlement, checks, receiptFile, models: [base, adapter] },
    bareSample: await bareSample({ ...plan, models: [base.name] }),
  });
  return { checks, people, datanetId: general.datanetId, models: plan.models };
}

/** The models trained here, unless another operator was named: then its models answer instead. */
async function modelsToCall(
  { baseUrl, adminKey }: LoopOptions,
  trained: readonly TrainedModel[],
): Promise<readonly string[]> {
  const { items } = await createClient({ baseUrl, apiKey: adminKey }).models.list();
  const external = items.filter(({ kind }) => kind === 'external').map(({ name }) => name);
  return external.length > 0 ? external.slice(0, 1) : trained.map(({ name }) => name);
}

/** Whose identity is claimed in the demo: of the parties nobody has claimed, the one that earned most. */
async function richestIdentity({ baseUrl, adminKey }: LoopOptions): Promise<string> {
  const admin = createClient({ baseUrl, apiKey: adminKey });
  const { items } = await admin.fees.top({ limit: 50 });
  for (const { partyId } of items) {
    const { identity } = await admin.identity.getParty({ partyId });
    if (/^(npm-package|git):/.test(identity)) return identity;
  }
  throw new Error('No contributor has earned anything yet.');
}

type Kept = {
  readonly receipts: readonly Receipted[];
  readonly snapshots: readonly { readonly manifest: { readonly snapshot: string } }[];
  readonly trust: object;
};

/** Leaves what `openledger verify` needs on disk. @returns where a receipt's file is, as one would type it */
async function keepFiles(
  { folder }: LoopOptions,
  { receipts, snapshots, trust }: Kept,
): Promise<(id: string) => string> {
  const receiptFolder = join(folder, 'receipts');
  await mkdir(receiptFolder, { recursive: true });
  await writeFile(join(receiptFolder, 'trust.json'), JSON.stringify(trust));
  for (const { call, text } of receipts)
    await writeFile(join(receiptFolder, `${call.receiptId}.json`), text);
  for (const snapshot of snapshots) {
    await writeFile(
      join(folder, 'receipts', `${snapshot.manifest.snapshot}.json`),
      JSON.stringify(snapshot),
    );
  }
  return (id) => relative(process.cwd(), join(receiptFolder, `${id}.json`));
}

/** What the model says without its infinity-gram, so that nobody takes it for more than it is. */
async function bareSample(plan: CallPlan): Promise<string> {
  const { answer } = await makeCall(openAiOf(plan), { ...plan, interpolate: false }, 0);
  return answer.trim().slice(0, 160);
}
