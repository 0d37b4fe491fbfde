import type { Id } from '@openledger/protocol';
import { expect, test } from 'vitest';
import type { Caller } from '../identity/index.ts';
import type { BundleOptions, IssuedReceipt, Receipts } from '../receipts/index.ts';
import type { Epoch } from '../settlement/index.ts';
import { receiptsRoutes } from './receipts.ts';

const id = <P extends string>(prefix: P, digit: string) => `${prefix}_${digit.repeat(32)}` as const;
const [payer, operator, stranger] = [id('pty', 'a'), id('pty', 'b'), id('pty', 'c')];
const receiptId = id('rct', '1');

const issued = {
  id: receiptId,
  inferenceId: id('inf', '1'),
  payerId: payer,
  readers: [payer, operator],
  hash: 'ab'.repeat(32),
  leafIndex: 4,
  issuedAt: new Date(0),
  receipt: { kind: 'reversal', units: '5' },
} as unknown as IssuedReceipt;

const erased: string[] = [];
const receipts = {
  find: async () => issued,
  list: async ({ payerId }) => (payerId === payer ? [issued] : []),
  bundle: async (_: string, options: BundleOptions) => JSON.stringify(options),
  erase: async (inferenceId: string) => void erased.push(inferenceId),
  trusted: () => ({ logKeys: ['log+0+x'], signers: [`0x${'0'.repeat(40)}`] }),
} as Pick<Receipts, 'find' | 'list' | 'bundle' | 'erase' | 'trusted'> as Receipts;

let apart = 0;
const attributions = {
  replay: async () => ({
    tolerance: 100,
    scores: [{ of: 'game none', committed: -5, again: -5 - apart }],
  }),
};

const settlement = {
  epochs: async () =>
    [
      { number: 3n, state: 'open' },
      { number: 2n, state: 'published', checkpoint: { treeSize: 9, rootHash: 'cd'.repeat(32) } },
    ] as unknown as readonly Epoch[],
};

const callerOf = (partyId: string, scope: 'read' | 'admin'): Caller => ({
  ...{ keyId: id('key', '1'), partyId: partyId as Id<'party'>, scopes: [scope] },
  ...{ limitUnits: undefined, limits: undefined, models: undefined, expiresAt: undefined },
});

const ask = async (
  verb: string,
  input: unknown,
  partyId?: string,
  scope: 'read' | 'admin' = 'read',
) =>
  receiptsRoutes({
    ...{ receipts, attributions, settlement },
    access: { readable: async () => new Set() },
  })
    .find((route) => route.verb === verb)
    ?.handle(input, {
      caller: partyId ? callerOf(partyId, scope) : undefined,
      body: undefined,
      signal: AbortSignal.timeout(1000),
    });

const optionsOf = async (...asked: Parameters<typeof ask>) =>
  JSON.parse(((await ask(...asked)) as { bundle: string }).bundle);

test('the payer and admins see the texts, others with a part only the rest, strangers nothing', async () => {
  expect(await optionsOf('bundle', { receiptId }, payer)).toEqual({ disclose: true });
  expect(await optionsOf('bundle', { receiptId }, operator)).toEqual({ disclose: false });
  expect(await optionsOf('bundle', { receiptId }, stranger, 'admin')).toEqual({ disclose: true });
  for (const verb of ['get', 'bundle', 'erase']) {
    await expect(ask(verb, { receiptId }, stranger)).rejects.toMatchObject({ code: 'not_found' });
  }
});

test('only the payer erases', async () => {
  await expect(ask('erase', { receiptId }, operator)).rejects.toMatchObject({ code: 'not_found' });
  expect(erased).toEqual([]);
  await ask('erase', { receiptId }, payer);
  expect(erased).toEqual([issued.inferenceId]);
});

test('an anchor is that of a published epoch, or there is none', async () => {
  const anchor = { epoch: 2, size: 9, root: 'cd'.repeat(32) };
  expect(await optionsOf('bundle', { receiptId, epoch: '2' }, payer)).toMatchObject({ anchor });
  for (const epoch of ['3', '7']) {
    await expect(ask('bundle', { receiptId, epoch }, payer)).rejects.toMatchObject({
      code: 'not_found',
    });
  }
});

test('a replay holds as long as no score lies further apart than the tolerance, and is for those with a part', async () => {
  const verdicts: unknown[] = [];
  for (apart of [0, 100, 101, -101]) verdicts.push(await ask('replay', { receiptId }, operator));
  expect(verdicts).toMatchObject([true, true, false, false].map((holds) => ({ holds })));
  await expect(ask('replay', { receiptId }, stranger)).rejects.toMatchObject({ code: 'not_found' });
});

test('lists only what the caller paid for', async () => {
  expect(await ask('list', {}, payer)).toMatchObject({ items: [{ id: receiptId, units: '5' }] });
  expect(await ask('list', {}, operator)).toEqual({ items: [] });
});

test('anybody may ask whom to trust', async () => {
  expect(await ask('trust', {})).toEqual(receipts.trusted());
});
