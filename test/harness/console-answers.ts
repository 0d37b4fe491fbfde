/** Fixed answers of the API around one real, signed receipt: enough for every part of the console. */
import { type api, canonicalize, type Id, type OutputOf, receiptHash } from '@openledger/protocol';
import type { Answers } from './console-server.ts';
import type { Example } from './example-receipt.ts';

const id = <P extends string>(prefix: P, n: number): `${P}_${string}` =>
  `${prefix}_${n.toString(16).padStart(32, '0')}`;

const at = '2026-01-02T00:00:00.000Z';

/** Who contributed what, by party number in the example. */
const identities: readonly string[] = [
  'local:nobody',
  'npm-package:balance-sheet',
  'npm-package:@sea/boiling-point',
  'handle:ada',
  'git:3f8a2c5e9b7d1f4a6c8e0b2d4f6a8c0e2b4d6f8a0c2e4b6d8f0a2c4e6b8d0f2a',
];

const identityOf = (partyId: string): string =>
  identities[Number.parseInt(partyId.slice(4), 16)] ?? 'local:operator';

type Party = OutputOf<typeof api.identity.getParty>;
type Run = OutputOf<typeof api.models.getRun>;

const party = (partyId: string): Party => ({
  id: partyId as Id<'party'>,
  identity: identityOf(partyId),
  kind: 'npm-package',
  createdAt: at,
});

/** A loss curve as small models have them, without chance. */
const losses = Array.from({ length: 70 }, (_, i): [number, number] => [
  i * 40,
  2.7 + 4.9 * Math.exp(-i / 9) + 0.05 * Math.sin(i * 2.4),
]);

const evaluation = {
  heldOutLoss: 2.94,
  before: 7.63,
  bigramLoss: 4.08,
  parameters: 1_049_856,
  trainingTokens: 1_433_600,
  seconds: 97.4,
};

/** @param asked whether the receipt of a new answer is there by now */
export function consoleAnswers({ bundle, trust }: Example, asked: () => boolean): Answers {
  const { receipt, signature, inclusion, anchor } = bundle;
  const older = id('rct', 8);
  const line = (receiptId: Id<'receipt'>) => ({
    id: receiptId,
    kind: 'receipt' as const,
    inference: receipt.inference,
    hash: receiptHash(receipt),
    units: receipt.price.units,
    leafIndex: inclusion.index,
    issuedAt: receipt.servedAt,
  });
  const snapshots = receipt.snapshots.map(({ snapshot, hash, role }) => ({
    snapshotId: snapshot,
    hash,
    role: role === 'base' ? ('base' as const) : ('adapter' as const),
  }));
  const model = (n: number, name: string, kind: 'base' | 'adapter') => ({
    id: id('mdl', n),
    name,
    kind,
    builderId: id('pty', 12),
    operator: 'local',
    snapshots: kind === 'base' ? snapshots.slice(1) : snapshots,
    promptUnits: '1000000000000',
    completionUnits: '5000000000000',
    maxTokens: 128,
    createdAt: at,
  });
  const run = (n: number, recipe: Run['recipe']): Run => ({
    id: id('run', n),
    builderId: id('pty', 12),
    recipe,
    status: 'done',
    losses: recipe.kind === 'base' ? losses : losses.map(([i, loss]) => [i / 4, loss * 0.6 + 1]),
    evaluation:
      recipe.kind === 'base' ? evaluation : { ...evaluation, heldOutLoss: 2.41, before: 3.02 },
    modelId: id('mdl', n),
    createdAt: at,
    endedAt: at,
  });
  const datanet = {
    id: id('dn', 1),
    name: 'npm-docs',
    title: 'Docs of the installed packages',
    description: '',
    ownerId: id('pty', 12),
    licences: ['MIT'],
    records: 5,
    createdAt: at,
  };
  return {
    identity: {
      whoami: () => ({
        party: { ...party(id('pty', 10)), identity: 'handle:reader', displayName: 'A reader' },
        key: {
          id: id('key', 1),
          partyId: id('pty', 10),
          label: 'console',
          hint: 'ol_test',
          scopes: ['read', 'infer'],
          createdAt: at,
        },
      }),
      getParty: ({ partyId }) => party(partyId),
    },
    insights: {
      summary: () => ({
        executions: 200,
        attributed: 200,
        grounded: 131,
        distributions: 200,
        feesUnits: '184230000000000000',
        creditedUnits: '92115000000000000',
        partiesCredited: 214,
        payouts: 1,
        paidUnits: '1230000000000000',
        creditMs: { p50: 231, p99: 612 },
      }),
    },
    settlement: {
      vault: () => ({
        chainId: 31337,
        isLocal: true,
        settlement: `0x${'5e'.repeat(20)}`,
        token: `0x${'70'.repeat(20)}`,
        reference: `0x${'00'.repeat(32)}`,
      }),
      solvency: () => ({
        solvent: true,
        vaultUnits: '1000000000000000000000',
        liabilitiesUnits: '998770000000000000000',
      }),
      epochs: () => ({
        items: [
          {
            number: String(anchor?.epoch),
            state: 'published',
            openedAt: at,
            checkpoint: anchor && { treeSize: anchor.size, rootHash: anchor.root },
          },
        ],
      }),
    },
    datanets: {
      list: () => ({ items: [datanet] }),
      listSnapshots: () => ({ items: [] }),
      getRecord: ({ recordHash }) => {
        const record = bundle.records.find((one) => one.record === recordHash);
        return {
          hash: recordHash,
          licence: 'MIT',
          source: { kind: 'npm', package: 'docs', version: '1.2.0', path: 'README.md', line: 14 },
          quality: 900_000,
          qualityVersion: 'quality-1',
          sizeBytes: 80,
          createdAt: at,
          text: record?.text ?? '',
          metadata: {},
          contributors: (record?.owners ?? []).map(({ party, weight }) => ({
            partyId: party,
            identity: identityOf(party),
            weight,
          })),
          parents: [],
        };
      },
    },
    models: {
      list: () => ({ items: [model(1, 'tiny', 'base'), model(2, 'tiny-docs', 'adapter')] }),
      listRuns: () => ({
        items: [
          run(2, {
            kind: 'adapter',
            name: 'tiny-docs',
            base: 'tiny',
            snapshot: snapshots[0].snapshotId,
            rank: 8,
            steps: 700,
            documentCharacters: 24_000,
            seed: 1,
          }),
          run(1, {
            kind: 'base',
            name: 'tiny',
            snapshot: snapshots[1].snapshotId,
            vocabulary: 2048,
            width: 128,
            layers: 4,
            heads: 4,
            contextLength: 128,
            steps: 2800,
            documentCharacters: 2400,
            seed: 1,
          }),
        ],
      }),
    },
    governance: {
      policy: () => ({ hash: receipt.policy, inForceSince: at, policy: bundle.policy }),
    },
    ledger: {
      trialBalance: () => ({
        assets: [
          {
            asset: 'OPEN',
            lines: [{ name: 'party:available', accounts: 231, amount: '0' }],
            sum: '0',
          },
        ],
      }),
    },
    fees: {
      top: () => ({
        items: [1, 2, 3, 4].map((n) => ({
          partyId: id('pty', n),
          units: String(4_200_000_000_000_000n / BigInt(n)),
        })),
      }),
      earnings: ({ partyId }) => ({
        partyId: partyId as Id<'party'>,
        data: '4200000000000000',
        operator: '0',
        builder: '0',
        base: '0',
        accruing: '0',
        fraction: '0',
        pending: '0',
        payable: '0',
        escrow: identityOf(partyId) === 'handle:ada' ? '0' : '4200000000000000',
        exported: '0',
      }),
    },
    receipts: {
      list: () => ({ items: [...(asked() ? [line(receipt.id)] : []), line(older)] }),
      get: () => ({
        hash: receiptHash(receipt),
        leafIndex: inclusion.index,
        issuedAt: receipt.servedAt,
        receipt,
        signature,
      }),
      bundle: () => ({ bundle: canonicalize(bundle) }),
      checkpoint: () => ({
        treeSize: anchor?.size ?? 0,
        rootHash: anchor?.root ?? '',
        note: bundle.checkpoint,
      }),
      trust: () => ({ logKeys: [...trust.logKeys], signers: [...trust.signers] }),
    },
  };
}
