/** Attribution over HTTP. */
import {
  api,
  formatShares,
  groundedPpm,
  type Id,
  isId,
  OpenLedgerError,
  type OutputOf,
  TRACE_VERSION,
  WORDS_VERSION,
} from '@openledger/protocol';
import type { Attributions, TracedSpan, TracedText } from '../attribution/index.ts';
import type { Access, Datanets } from '../datanets/index.ts';
import type { Gateway } from '../gateway/index.ts';
import { type Caller, type Identity, isAdmin } from '../identity/index.ts';
import { implement, type Route } from './implement.ts';

export const attributionRoutes = ({
  attributions,
  access,
  gateway,
  datanets,
  identity,
}: {
  readonly attributions: Attributions;
  /** Counting and tracing tell what is in a snapshot. */
  readonly access: Pick<Access, 'assertReadsSnapshot'>;
  readonly gateway: Pick<Gateway, 'find'>;
  readonly datanets: Pick<Datanets, 'passageSources'>;
  readonly identity: Pick<Identity, 'findParties'>;
}): readonly Route[] =>
  implement(api.attribution, {
    get: async ({ inferenceId }, { caller }) => {
      await assertOwn(gateway, inferenceId, caller);
      const found = await attributions.find(inferenceId);
      return {
        id: found.attributionId,
        inferenceId: found.inferenceId,
        policyHash: found.policyHash,
        snapshots: [...found.snapshots],
        shares: formatShares(found.shares),
        evidence: found.evidence,
        channels: found.channels,
        attributedAt: found.attributedAt.toISOString(),
      };
    },
    count: async ({ snapshotId, text }, { caller }) => {
      await access.assertReadsSnapshot(snapshotId, caller);
      return attributions.count(snapshotId, text);
    },
    trace: async ({ snapshotIds, texts, mostRecords, ...rules }, { caller }) => {
      for (const one of new Set(snapshotIds)) await access.assertReadsSnapshot(one, caller);
      const traced = await attributions.trace({ snapshotIds, texts, rules });
      const sourceOf = await findSources(datanets, traced.texts, mostRecords);
      const items = traced.texts.map((text) => wireText(text, sourceOf, mostRecords));
      return {
        ...{ algorithm: TRACE_VERSION as typeof TRACE_VERSION, ...traced.rules, items },
        words: WORDS_VERSION as typeof WORDS_VERSION,
        parties: await namesOf(identity, items),
      };
    },
    summary: () => attributions.summary(),
  });

type Place = TracedSpan['records'][number];
type Sources = Awaited<ReturnType<Datanets['passageSources']>>;
type SourceOf = ReadonlyMap<Place, Sources[number]>;

/** Those of the records that are named. */
async function findSources(
  datanets: Pick<Datanets, 'passageSources'>,
  texts: readonly TracedText[],
  mostRecords: number,
): Promise<SourceOf> {
  const named = texts.flatMap(({ spans }) =>
    spans.flatMap(({ records }) => records.slice(0, mostRecords)),
  );
  const found = new Map<Place, Sources[number]>();
  for (const snapshotId of new Set(named.map((one) => one.snapshotId))) {
    const places = named.filter((one) => one.snapshotId === snapshotId);
    const sources = await datanets.passageSources(
      snapshotId,
      places.map(({ hash, start }) => ({ recordHash: hash, offset: start })),
    );
    for (const [i, place] of places.entries()) found.set(place, sources[i]);
  }
  return found;
}

type WireText = OutputOf<typeof api.attribution.trace>['items'][number];

const wireText = (
  { owners, spans, ...sums }: TracedText,
  sourceOf: SourceOf,
  mostRecords: number,
): WireText => ({
  information: {
    total: Number(sums.total),
    covered: Number(sums.covered),
    commons: Number(sums.commons),
  },
  groundedPpm: groundedPpm(sums),
  owners: owners.map(wirePart),
  spans: spans.map(({ owners, information, records, ...span }) => ({
    ...span,
    information: Number(information),
    owners: owners.map(wirePart),
    recordCount: records.length,
    records: records.slice(0, mostRecords).flatMap((place) => wirePlace(place, sourceOf)),
  })),
});

const wirePart = ({ party, information }: TracedText['owners'][number]) => ({
  owner: party,
  information: Number(information),
});

/** A record that was withdrawn while it was traced is not named. */
function wirePlace(place: Place, sourceOf: SourceOf): WireText['spans'][number]['records'] {
  const found = sourceOf.get(place);
  if (!found) return [];
  const { hash: record, snapshotId, start, end } = place;
  return [
    {
      ...{ record, snapshot: snapshotId as Id<'snapshot'>, start, end },
      ...{ ...found, contributors: [...found.contributors] },
    },
  ];
}

async function namesOf(identity: Pick<Identity, 'findParties'>, items: readonly WireText[]) {
  const owners = new Set(
    items.flatMap(({ owners, spans }) =>
      [owners, ...spans.map((span) => span.owners)].flat().map(({ owner }) => owner),
    ),
  );
  const parties = await identity.findParties([...owners].filter((owner) => isId('party', owner)));
  return parties.map(({ id, identity }) => ({ id, identity }));
}

/** Somebody else's call is answered as one that is not there. */
async function assertOwn(
  gateway: Pick<Gateway, 'find'>,
  inferenceId: string,
  caller: Caller,
): Promise<void> {
  const { payerId } = await gateway.find(inferenceId);
  if (payerId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('not_found', `No inference ${inferenceId}.`);
}
