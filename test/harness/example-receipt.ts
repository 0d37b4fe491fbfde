/** A small, complete receipt with everything around it: two snapshots, an answer that quotes them and was measured, a log of five. */
import {
  addressOf,
  BUNDLE_VERSION,
  type Bundle,
  type ChannelEvidence,
  canonicalize,
  commitment,
  coverage,
  createMerkleTree,
  defaultPolicy,
  type EntitlementVector,
  ed25519PublicKey,
  entitlementHash,
  evidenceOf,
  type FeePolicy,
  feeLegs,
  formatCheckpoint,
  formatEntitlement,
  formatNote,
  formatNoteKey,
  formatShares,
  hashOwnerMap,
  type InferenceReceipt,
  informationIn,
  informedWords,
  leafHash,
  measuredFrom,
  merkleRoot,
  nameTerms,
  type OwnedWords,
  ownedHash,
  ownersByWord,
  parseEntitlement,
  parseOwnerMap,
  policyHash,
  poolEntitlement,
  poolName,
  pricedBy,
  RECEIPT_VERSION,
  REMAINDER_ROLE,
  receiptLeaf,
  receiptTypedData,
  recordsCited,
  SNAPSHOT_VERSION,
  type SnapshotExport,
  type SnapshotManifest,
  sha256Hex,
  shareByChannels,
  sharesOf,
  signNote,
  signTypedData,
  snapshotHash,
  snapshotLeaf,
  snapshotRoles,
  splitLegs,
  sumUnigramTables,
  TERMS_VERSION,
  type Terms,
  type Trust,
  toHex,
  traceByScan,
  type UnigramTable,
  unigramDocument,
  unigramTable,
  unigramTableHash,
  utf8,
  WEIGHT_ONE,
  wordCount,
} from '@openledger/protocol';

const id = (prefix: string, n: number) => `${prefix}_${n.toString(16).padStart(32, '0')}`;
const party = (n: number) => id('pty', n);
const all = (n: number): EntitlementVector => [{ party: party(n), weight: WEIGHT_ONE }];
const thirds: EntitlementVector = [
  { party: party(1), weight: WEIGHT_ONE / 3n },
  { party: party(3), weight: WEIGHT_ONE - WEIGHT_ONE / 3n },
];

const policy: FeePolicy = {
  ...defaultPolicy,
  trace: { ...defaultPolicy.trace, minWords: 4, maxRecords: 2 },
  channels: {
    ...defaultPolicy.channels,
    confidencePpm: { game: 500_000, context: 400_000, influence: [{ adapters: 8, ppm: 300_000 }] },
    scoring: { pricePpm: 100_000, tokenUnits: '333' }, // so dear that measuring is left to a draw
  },
};

type Owned = {
  readonly text: string;
  readonly owners: EntitlementVector;
  /** Whose the words from this one on are; those before are the owners'. */
  readonly rest?: { readonly word: number; readonly owners: EntitlementVector };
};

const baseRecords: readonly Owned[] = [
  { text: 'A ledger that balances by construction needs no nightly repair.', owners: all(1) },
  {
    text: 'By the sea, water boils at a hundred degrees or so. See the licence for details.',
    owners: all(2),
  },
  { text: 'Grünkohl – ein Gemüse. See the licence for details, please.', owners: thirds },
];
const adapterRecords: readonly Owned[] = [
  {
    text: 'Note: that balances by construction needs no nightly repair at all.',
    owners: thirds,
    rest: { word: 3, owners: all(1) },
  },
  { text: 'Send it again. See the licence for details.', owners: all(4) },
];

const output =
  'Indeed: a ledger that balances by construction needs no nightly repair at all, since ' +
  'water boils at a hundred degrees or so. Also: See the licence for details.';
const request = canonicalize({
  kind: 'chat',
  model: 'tiny:docs@1',
  messages: [{ role: 'user', content: 'Is it true that water boils at a hundred degrees?' }],
});

export const logSeed = new Uint8Array(32).fill(1);
export const signerKey = new Uint8Array(32).fill(2);
const logKey = { name: 'log.example', publicKey: ed25519PublicKey(logSeed) };

/** What makes the example's price of its usage. */
const terms: Terms = {
  ...{ version: TERMS_VERSION, model: 'tiny:docs@1', asset: 'OPEN' },
  operator: { name: 'local', party: party(11) as `pty_${string}` },
  ...{ promptUnits: '1', completionUnits: '33333', since: '2026-01-01T00:00:00.000Z' },
};

/** The size of the log whose head draws this receipt's inference. */
const DRAWN_AT = 2;

export type Example = {
  readonly bundle: Bundle;
  readonly trust: Trust;
  readonly snapshots: readonly SnapshotExport[];
};

/**
 * @param lie what a dishonest signer changes before he signs
 * @param count how a dishonest datanet counts words before it seals
 */
export function exampleReceipt(
  lie: (receipt: InferenceReceipt) => InferenceReceipt = (receipt) => receipt,
  count: (table: UnigramTable) => UnigramTable = (table) => table,
): Example {
  const snapshots = [
    exampleSnapshot(1, adapterRecords, count),
    exampleSnapshot(2, baseRecords, count),
  ];
  const others = ['one', 'two', 'three', 'four'].map((text) => leafHash(utf8(text)));
  const before = createMerkleTree(others.slice(0, DRAWN_AT)).root();
  const head = { size: DRAWN_AT, root: toHex(before) };
  const receipt = lie(honestReceipt(snapshots, head));
  const signature = {
    scheme: 'eip712' as const,
    signer: addressOf(signerKey),
    value: signTypedData(receiptTypedData(receipt), signerKey),
  };
  const tree = createMerkleTree(
    others.toSpliced(2, 0, leafHash(receiptLeaf({ receipt, signature }))),
  );
  const note = signNote(formatCheckpoint({ origin: logKey.name, size: 5, root: tree.root() }), {
    name: logKey.name,
    seed: logSeed,
  });
  const anchor = { epoch: 3, size: 4, root: toHex(tree.root(4)) };
  return {
    bundle: {
      version: BUNDLE_VERSION,
      receipt,
      signature,
      inclusion: { index: 2, proof: tree.inclusion(2).map(toHex) },
      checkpoint: formatNote(note),
      anchor: { ...anchor, consistency: tree.consistency(4).map(toHex) },
      draw: receipt.channels?.draw.checkpoint
        ? { consistency: tree.consistency(DRAWN_AT).map(toHex) }
        : undefined,
      policy,
      terms: receipt.price.terms && terms,
      snapshots: snapshots.map(({ manifest }) => manifest),
      records: citedRecords(receipt, snapshots),
      disclosures: {
        request: { salt: 'aa'.repeat(32), text: request },
        output: { salt: 'bb'.repeat(32), text: output },
      },
    },
    trust: {
      logKeys: [formatNoteKey(logKey)],
      signers: [addressOf(signerKey)],
      anchors: [anchor],
    },
    snapshots,
  };
}

function exampleSnapshot(
  n: number,
  records: readonly Owned[],
  count: (table: UnigramTable) => UnigramTable,
): SnapshotExport {
  const table = count(unigramTable(records.map(({ text }) => text)));
  const informationOf = informationIn(table);
  const snapshot = id('snp', n) as `snp_${string}`;
  const runsOf = ({ text, owners, rest }: Owned): readonly OwnedWords[] => {
    const words = wordCount(text);
    if (!rest) return [{ words, owners }];
    return [
      { words: rest.word, owners },
      { words: words - rest.word, owners: rest.owners },
    ];
  };
  const maps = records.map(runsOf);
  const vectors = [...records.map(({ owners }) => owners), ...maps.flat().map((run) => run.owners)];
  const exported = records.map(({ text, owners }, i) => ({
    record: sha256Hex(text),
    owners: i,
    quality: 900_000,
    information: String(
      [...informedWords(text, informationOf)].reduce((sum, word) => sum + word.information, 0),
    ),
    source: { kind: 'api' as const },
    text,
    map: maps[i].map((run): [number, number] => [run.words, vectors.lastIndexOf(run.owners)]),
    vector: owners,
  }));
  const owned = exported.map(({ information, owners }) => ({ owners, information }));
  const manifest: SnapshotManifest = {
    version: SNAPSHOT_VERSION,
    snapshot,
    datanet: id('dn', n) as `dn_${string}`,
    sequence: 1,
    records: records.length,
    root: toHex(
      merkleRoot(
        exported.map(({ record, vector }, i) =>
          snapshotLeaf({ record, owners: entitlementHash(vector), map: hashOwnerMap(maps[i]) }),
        ),
      ),
    ),
    owned: ownedHash(
      exported.map(({ vector, information }) => ({ owners: entitlementHash(vector), information })),
    ),
    information: {
      tokenizer: 'words-1',
      total: String(table.total),
      table: unigramTableHash(table),
      tokens: table.counts.size,
    },
    licences: ['MIT'],
    sealedAt: '2026-01-01T00:00:00.000Z',
  };
  const members = poolEntitlement(
    exported.map(({ vector, information, quality }) => ({
      owners: vector,
      value: BigInt(information) * BigInt(quality),
    })),
  );
  const { words, total, counts } = unigramDocument(table);
  return {
    manifest,
    records: exported.map(({ vector: _, ...record }, i) => ({ ...record, owned: owned[i] })),
    entitlements: vectors.map(formatEntitlement),
    information: { words, total, counts: counts.map(([word, count]) => [word, count]) },
    quality: 'quality-1',
    pools: [{ version: 1, members: formatEntitlement(members) }],
  };
}

function honestReceipt(
  snapshots: readonly SnapshotExport[],
  head: { readonly size: number; readonly root: string },
): InferenceReceipt {
  const records = snapshots.flatMap(({ manifest, records, entitlements }) =>
    records.map(({ record, text = '', owners, map }) => ({
      hash: record,
      text,
      snapshot: manifest.snapshot,
      owners: sharesOf(parseEntitlement(entitlements[owners])),
      ownersOf: ownersByWord(
        map.map(([words, i]) => ({ words, owners: parseEntitlement(entitlements[i]) })),
      ),
    })),
  );
  const byHash = new Map(records.map((record) => [record.hash, record]));
  const clientTexts = ['Is it true that water boils at a hundred degrees?'];
  const trace = traceByScan(output, { records, clientTexts, rules: policy.trace });
  const information = informationIn(
    sumUnigramTables(
      snapshots.map(({ information }) => ({ ...information, counts: new Map(information.counts) })),
    ),
  );
  const ownersOf = (hash: string, word: number) => byHash.get(hash)?.ownersOf(word) ?? [];
  const firstWordOf = (hash: string, start: number) =>
    wordCount((byHash.get(hash)?.text ?? '').slice(0, start));
  const measured = coverage(output, trace, { information, firstWordOf, ownersOf });
  const [learned] = snapshots; // the prompt quotes from it as well
  const named = [...snapshots, learned].map(({ manifest }, i) => ({
    snapshot: manifest.snapshot,
    hash: snapshotHash(manifest),
    role: snapshotRoles[i],
    pool: poolName(manifest.snapshot, 1),
  }));
  const evidence = evidenceOf({
    ...{ output, trace, information, firstWordOf, coverage: measured, rules: policy.trace },
    confidencePpm: policy.trace.confidencePpm,
    snapshotOf: (hash) => byHash.get(hash)?.snapshot ?? '',
  });
  const retrieved = [{ record: records[0].hash, snapshot: records[0].snapshot }];
  const channels = measuredChannels(records, head);
  const shares = shareByChannels({
    ...{ policy, snapshots: named, retrieved, evidence, channels },
    measure: (part) => measuredFrom(part, ownersOf),
    ownersOf: (hash) => byHash.get(hash)?.owners ?? [],
  });
  return {
    version: RECEIPT_VERSION,
    kind: 'receipt',
    id: id('rct', 9) as `rct_${string}`,
    inference: id('inf', 9) as `inf_${string}`,
    servedAt: '2026-01-02T00:00:00.000Z',
    parties: {
      payer: party(10) as `pty_${string}`,
      operator: party(11) as `pty_${string}`,
      builder: party(12) as `pty_${string}`,
      base: party(13) as `pty_${string}`,
    },
    model: { name: 'tiny:docs@1', hash: sha256Hex('m'), adapter: sha256Hex('a'), engine: null },
    request: commitment({ salt: 'aa'.repeat(32), text: request }),
    output: commitment({ salt: 'bb'.repeat(32), text: output }),
    snapshots: named,
    retrieved,
    usage: { promptTokens: 13, completionTokens: 30 },
    price: { asset: 'OPEN', units: '1000003', terms: pricedBy(nameTerms(terms)) },
    policy: policyHash(policy),
    attribution: evidence,
    channels,
    shares: formatShares(shares),
    legs: splitLegs(
      1_000_003n,
      feeLegs(policy, { hasData: true, hasAdapter: true }),
      REMAINDER_ROLE,
    ).map(({ to, amount }) => ({
      role: to as InferenceReceipt['legs'][number]['role'],
      account: accounts[to],
      units: amount.toString(),
    })),
    ledger: { transaction: id('txn', 1) as `txn_${string}`, epoch: 7 },
    parent: null,
  };
}

/** Adapter, context and both made the answer likelier; of the adapter's records the second did, a third of it by others. */
function measuredChannels(
  [first, second]: readonly { readonly hash: string; readonly snapshot: `snp_${string}` }[],
  head: { readonly size: number; readonly root: string },
): ChannelEvidence {
  const game = { unigram: -60e6, none: -50e6, adapter: -44e6, context: -47e6, both: -40e6 };
  const named = ({ hash, snapshot }: typeof first) => ({ record: hash, snapshot });
  return {
    version: 'channels-1',
    draw: { passes: 12, adapters: 8, ppm: 581_979, checkpoint: head },
    scores: {
      tokens: 30,
      game: { algorithm: 'likelihood-game-1', kind: 'contributive', ...game },
      context: {
        ...{ algorithm: 'context-shapley-1', kind: 'contributive' },
        owners: [{ records: [named(first)] }],
        scores: [game.adapter, game.both],
      },
      influence: {
        ...{ algorithm: 'example-1', kind: 'contributive', adapters: 8 },
        groups: [
          { score: 3_000_000, records: [{ ...named(second), score: 2000 }], rest: 1000 },
          { score: -10, records: [], rest: 0 },
        ],
      },
    },
  };
}

const accounts: Readonly<Record<string, string>> = {
  data: 'control:data',
  builder: `${party(12)}:pending:7`,
  base: `${party(13)}:pending:7`,
  operator: `${party(11)}:pending:7`,
  stakers: 'stakers:protocol',
  treasury: 'treasury:protocol',
  insurance: 'insurance:protocol',
};

function citedRecords(
  receipt: InferenceReceipt,
  snapshots: readonly SnapshotExport[],
): Bundle['records'] {
  const cited = new Map(
    recordsCited(receipt).map(({ record, snapshot }) => [record, snapshot] as const),
  );
  return [...cited].sort().flatMap(([record, snapshot]) => {
    const { records, entitlements } =
      snapshots.find(({ manifest }) => manifest.snapshot === snapshot) ?? snapshots[0];
    const index = records.findIndex((one) => one.record === record);
    if (index < 0) return [];
    const mapOf = ({ map }: SnapshotExport['records'][number]) =>
      map.map(([words, i]) => ({ words, owners: entitlements[i] }));
    const leaves = records.map((one) =>
      leafHash(
        snapshotLeaf({
          record: one.record,
          owners: sha256Hex(canonicalize(entitlements[one.owners])),
          map: hashOwnerMap(parseOwnerMap(mapOf(one))),
        }),
      ),
    );
    return [
      {
        snapshot,
        record,
        index,
        proof: createMerkleTree(leaves).inclusion(index).map(toHex),
        owners: entitlements[records[index].owners],
        map: mapOf(records[index]),
        text: records[index].text ?? null,
      },
    ];
  });
}
