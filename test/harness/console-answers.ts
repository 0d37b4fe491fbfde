/** Fixed answers of the API around one real, signed receipt: enough for every part of the console. */
import { type api, canonicalize, type Id, type OutputOf, receiptHash } from '@openledger/protocol';
import type { Answers } from './console-server.ts';
import type { Example } from './example-receipt.ts';

type Run = OutputOf<typeof api.models.getRun>;
type Model = OutputOf<typeof api.models.list>['items'][number];

const id = <P extends string>(prefix: P, n: number): `${P}_${string}` =>
  `${prefix}_${n.toString(16).padStart(32, '0')}`;

const at = '2026-01-02T00:00:00.000Z';
const builder = id('pty', 12);
const reader = id('pty', 10);

/** @param asked whether the receipt of the answer that was asked for is there by now */
export function consoleAnswers(example: Example, asked: () => boolean): Answers {
  return {
    identity: identityAnswers,
    insights: { summary: () => summary },
    settlement: settlementAnswers(example),
    ledger: ledgerAnswers,
    governance: {
      policy: () => ({
        hash: example.bundle.receipt.policy,
        inForceSince: at,
        policy: example.bundle.policy,
      }),
    },
    datanets: datanetAnswers(example),
    models: modelAnswers(example),
    fees: feeAnswers,
    receipts: receiptAnswers(example, asked),
  };
}

/** Who contributed, by party number in the example. */
const identities: Readonly<Record<number, string>> = {
  1: 'npm-package:balance-sheet',
  2: 'npm-package:@sea/boiling-point',
  3: 'handle:ada',
  4: 'git:3f8a2c5e9b7d1f4a6c8e0b2d4f6a8c0e2b4d6f8a0c2e4b6d8f0a2c4e6b8d0f2a',
};

const identityOf = (partyId: string): string =>
  identities[Number.parseInt(partyId.slice(4), 16)] ?? 'local:operator';

const identityAnswers: Answers['identity'] = {
  whoami: () => ({
    party: {
      id: reader,
      identity: 'handle:reader',
      displayName: 'A reader',
      kind: 'handle',
      createdAt: at,
    },
    key: {
      id: id('key', 1),
      partyId: reader,
      label: 'console',
      hint: 'ol_test',
      scopes: ['read', 'infer'],
      createdAt: at,
    },
  }),
  getParty: ({ partyId }) => ({
    id: partyId as Id<'party'>,
    identity: identityOf(partyId),
    kind: 'handle',
    createdAt: at,
  }),
};

const summary: OutputOf<typeof api.insights.summary> = {
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
};

const settlementAnswers = ({ bundle: { anchor } }: Example): Answers['settlement'] => ({
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
});

const ledgerAnswers: Answers['ledger'] = {
  balances: () => ({
    items: [{ account: `${reader}:available`, asset: 'OPEN', amount: '998157700000000000' }],
  }),
  trialBalance: () => ({
    assets: [
      {
        asset: 'OPEN',
        lines: [{ name: 'party:available', accounts: 231, amount: '0' }],
        sum: '0',
      },
    ],
  }),
};

const datanetAnswers = ({ bundle }: Example): Answers['datanets'] => ({
  list: () => ({
    items: [
      {
        id: id('dn', 1),
        name: 'npm-docs',
        title: 'Docs of the installed packages',
        description: '',
        ownerId: builder,
        licences: ['MIT'],
        personalData: 'keep',
        access: 'open',
        readUnits: '0',
        records: 5,
        createdAt: at,
      },
    ],
  }),
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
      assurance: 'imported',
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
});

function modelAnswers({ bundle }: Example): Answers['models'] {
  const [adapter, base] = bundle.receipt.snapshots.map(({ snapshot, hash }) => ({
    snapshotId: snapshot,
    hash,
  }));
  const learned = {
    base: { ...base, role: 'base' },
    adapter: { ...adapter, role: 'adapter' },
  } as const;
  return {
    list: () => ({
      items: [
        { ...model, id: id('mdl', 1), name: 'tiny', kind: 'base', snapshots: [learned.base] },
        {
          ...{ ...model, id: id('mdl', 2), name: 'tiny-docs', kind: 'adapter' },
          snapshots: [learned.adapter, learned.base],
        },
      ],
    }),
    listRuns: () => ({
      items: [
        {
          ...{ ...run, id: id('run', 2), modelId: id('mdl', 2) },
          recipe: {
            ...{ kind: 'adapter', name: 'tiny-docs', base: 'tiny', snapshot: adapter.snapshotId },
            ...{ rank: 8, steps: 700, documentCharacters: 24_000, seed: 1 },
          },
        },
        {
          ...{ ...run, id: id('run', 1), modelId: id('mdl', 1) },
          recipe: {
            ...{ kind: 'base', name: 'tiny', snapshot: base.snapshotId, vocabulary: 2048 },
            ...{ width: 128, layers: 4, heads: 4, contextLength: 128 },
            ...{ steps: 2800, documentCharacters: 2400, seed: 1 },
          },
        },
      ],
    }),
  };
}

const model: Pick<
  Model,
  | 'builderId'
  | 'operator'
  | 'influenceAdapters'
  | 'promptUnits'
  | 'completionUnits'
  | 'maxTokens'
  | 'createdAt'
> = {
  builderId: builder,
  operator: 'local',
  promptUnits: '10000000000000',
  completionUnits: '100000000000000',
  influenceAdapters: 0,
  maxTokens: 128,
  createdAt: at,
};

const run: Omit<Run, 'id' | 'recipe' | 'modelId'> = {
  builderId: builder,
  status: 'done',
  // A curve as small models have it, without chance.
  losses: Array.from({ length: 70 }, (_, i): [number, number] => [
    i * 40,
    2.7 + 4.9 * Math.exp(-i / 9) + 0.05 * Math.sin(i * 2.4),
  ]),
  evaluation: {
    heldOutLoss: 2.94,
    before: 7.63,
    bigramLoss: 4.08,
    parameters: 1_049_856,
    trainingTokens: 1_433_600,
    seconds: 97.4,
  },
  createdAt: at,
  endedAt: at,
};

const feeAnswers: Answers['fees'] = {
  top: () => ({
    items: [1, 2, 3, 4].map((n) => ({
      partyId: id('pty', n),
      units: String(4_200_000_000_000_000n / BigInt(n)),
    })),
  }),
  earnings: ({ partyId }) => ({
    ...{ partyId: partyId as Id<'party'>, data: '4200000000000000' },
    ...{ operator: '0', builder: '0', base: '0', accruing: '0', fraction: '0' },
    ...{ pending: '0', payable: '0', exported: '0', receivable: '0' },
    escrow: identityOf(partyId) === 'handle:ada' ? '0' : '4200000000000000',
  }),
};

function receiptAnswers({ bundle, trust }: Example, asked: () => boolean): Answers['receipts'] {
  const { receipt, signature, inclusion, anchor } = bundle;
  const found = {
    hash: receiptHash(receipt),
    leafIndex: inclusion.index,
    issuedAt: receipt.servedAt,
  };
  const line = { ...found, kind: 'receipt' as const, inference: receipt.inference };
  const units = receipt.price.units;
  return {
    list: () => ({
      items: [
        ...(asked() ? [{ ...line, id: receipt.id, units }] : []),
        { ...line, id: id('rct', 8), units },
      ],
    }),
    get: () => ({ ...found, receipt, signature }),
    bundle: () => ({ bundle: canonicalize(bundle) }),
    trust: () => ({ logKeys: [...trust.logKeys], signers: [...trust.signers] }),
    checkpoint: () => ({
      treeSize: anchor?.size ?? 0,
      rootHash: anchor?.root ?? '',
      note: bundle.checkpoint,
    }),
  };
}
