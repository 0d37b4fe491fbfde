/** Takes records in: reads lines, checks them, and writes what is fit, all in the caller's transaction. */
import {
  Draft,
  type Id,
  type Intake,
  OpenLedgerError,
  type PersonalDataCounts,
  sha256Hex,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { z } from 'zod';
import type { Identity } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import type { Line } from '../platform/lines.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { isStorable, isTooDeep } from '../platform/storable.ts';
import { checkAuthorship, keptAuthorship } from './authorship.ts';
import type { Objection } from './checks/candidate.ts';
import { checkDraft } from './checks/check.ts';
import { addCounts } from './checks/personal-data.ts';
import { type Named, nameContributors, type Owner, resolveOwners } from './contributors.ts';
import { type LockedDatanet, lockDatanet } from './datanets.ts';
import { treatPersonalData } from './personal-data.ts';
import { QUALITY_VERSION, type Quality, scoreQuality } from './quality.ts';

export type Handles = { readonly identity: Identity; readonly clock: Clock };

/** Who sends records, and as part of which import. */
export type Sender = { readonly partyId: Id<'party'>; readonly importId?: Id<'import'> };

/** A draft with the number of its line. */
export type NumberedDraft = { readonly line: number; readonly draft: Draft };

export type Rejected = Objection & { readonly line: number };

export type Accepted = {
  readonly line: number;
  readonly contributionId: Id<'contribution'>;
  readonly recordHash: string;
  readonly personalData: PersonalDataCounts;
};

export type Outcome = {
  readonly accepted: readonly Accepted[];
  readonly rejected: readonly Rejected[];
};

/** Reads lines of JSON as drafts. A line that is none is rejected by its number; the others go on. */
export function readDrafts(lines: readonly Line[]): {
  readonly drafts: readonly NumberedDraft[];
  readonly rejected: readonly Rejected[];
} {
  const drafts: NumberedDraft[] = [];
  const rejected: Rejected[] = [];
  for (const line of lines) {
    const read = readDraft(line);
    if ('draft' in read) drafts.push(read);
    else rejected.push(read);
  }
  return { drafts, rejected };
}

function readDraft(line: Line): NumberedDraft | Rejected {
  const { number } = line;
  if ('problem' in line) {
    return line.problem === 'too_long'
      ? { line: number, reason: 'size', message: 'The line is too long to be read.' }
      : { line: number, reason: 'encoding', message: 'The line is not valid UTF-8.' };
  }
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch {
    return { line: number, reason: 'malformed', message: 'The line is not JSON.' };
  }
  if (isTooDeep(value)) return { line: number, ...TOO_DEEP };
  const parsed = Draft.safeParse(value);
  if (parsed.success) return { line: number, draft: parsed.data };
  const message = z.prettifyError(parsed.error).slice(0, 500);
  return { line: number, reason: 'malformed', message };
}

/**
 * Takes drafts into a datanet. Each is accepted or rejected by itself; what is accepted is numbered in the given order.
 *
 * @throws not_found when there is no such datanet
 */
export async function contribute(
  tx: Tx,
  handles: Handles,
  batch: {
    readonly datanetId: string;
    readonly sender: Sender;
    readonly drafts: readonly NumberedDraft[];
  },
): Promise<Outcome> {
  const datanet = await lockDatanet(tx, batch.datanetId);
  const { fresh, rejected } = await siftDrafts(tx, datanet, batch.drafts);
  const accepted = await insert(tx, handles, { datanet, sender: batch.sender, fresh });
  return { accepted, rejected };
}

/** Tells what is to be taken from what is not, and why not. Writes nothing. */
export async function siftDrafts(
  reader: Reader,
  datanet: LockedDatanet,
  drafts: readonly NumberedDraft[],
): Promise<{ readonly fresh: readonly Fit[]; readonly rejected: readonly Rejected[] }> {
  const judged = drafts.map((numbered) => judge(numbered, datanet));
  const fit = judged.filter((one): one is Fit => 'hash' in one);
  const known = await knownRecords(reader, datanet.id, fit);
  const fresh: Fit[] = [];
  const rejected: Rejected[] = judged.filter((one): one is Rejected => 'reason' in one);
  for (const one of fit) {
    const before = known.get(one.hash);
    if (before === undefined) fresh.push(one);
    else rejected.push({ line: one.line, ...before });
    known.set(one.hash, duplicate(one.hash));
  }
  return { fresh, rejected: rejected.sort((a, b) => a.line - b.line) };
}

/** What came of a stream of lines, as it is reported. */
export const emptyIntake = (): Intake => ({
  accepted: 0,
  rejected: {},
  personalDataFound: {},
  rejections: [],
});

const MOST_REJECTIONS = 1000;

export function addToIntake(
  intake: Intake,
  outcome: {
    readonly accepted: readonly Pick<Accepted, 'personalData'>[];
    readonly rejected: readonly Rejected[];
  },
): Intake {
  const rejected = { ...intake.rejected };
  for (const { reason } of outcome.rejected) rejected[reason] = (rejected[reason] ?? 0) + 1;
  return {
    accepted: intake.accepted + outcome.accepted.length,
    rejected,
    personalDataFound: outcome.accepted.reduce(
      (counts, { personalData }) => addCounts(counts, personalData),
      intake.personalDataFound,
    ),
    rejections: [...intake.rejections, ...outcome.rejected].slice(0, MOST_REJECTIONS),
  };
}

type Fit = NumberedDraft & {
  readonly hash: string;
  readonly quality: Quality;
  readonly personalData: PersonalDataCounts;
  /** undefined: the sender himself. */
  readonly named: readonly Named[] | undefined;
};

function judge({ line, draft: offered }: NumberedDraft, datanet: LockedDatanet): Fit | Rejected {
  const unstorable = checkStorable(offered);
  if (unstorable) return { line, ...unstorable };
  const { draft, personalData, objection: asIs } = treatPersonalData(offered, datanet.personalData);
  const quality = scoreQuality(draft.text);
  const objection =
    checkDraft(draft, { licences: datanet.licences, quality }) ?? asIs ?? checkAuthorship(draft);
  if (objection) return { line, ...objection };
  try {
    const named = nameContributors(draft, datanet.identityKey);
    return { line, draft, hash: sha256Hex(draft.text), quality, personalData, named };
  } catch (error) {
    if (!(error instanceof OpenLedgerError)) throw error;
    return { line, reason: 'malformed', message: error.message };
  }
}

/** The text has a check of its own. */
function checkStorable({ text: _, ...rest }: Draft): Objection | undefined {
  if (isTooDeep(rest)) return TOO_DEEP;
  if (isStorable(rest)) return undefined;
  return { reason: 'malformed', message: 'A name or value holds NUL or a lone surrogate.' };
}

const TOO_DEEP: Objection = { reason: 'malformed', message: 'It is nested too deeply.' };

type Known = Objection;

const duplicate = (hash: string): Known => ({
  reason: 'duplicate',
  message: `The record ${hash} is in the datanet already.`,
});

/** Text that was withdrawn stays reserved: nobody can bring it in again. */
async function knownRecords(
  reader: Reader,
  datanetId: string,
  fit: readonly Fit[],
): Promise<Map<string, Known>> {
  const rows = await reader.query<{ hash: string; withdrawn: boolean }>(sql`
    select hash, withdrawn_at is not null as withdrawn
    from datanets.records
    where datanet_id = ${datanetId}
      and hash = any(${fit.map(({ hash }) => hash)}::text[])`);
  return new Map(
    rows.map(({ hash, withdrawn }) => [
      hash,
      withdrawn
        ? { reason: 'withdrawn', message: `The record ${hash} was withdrawn.` }
        : duplicate(hash),
    ]),
  );
}

async function insert(
  tx: Tx,
  { identity, clock }: Handles,
  {
    datanet,
    sender,
    fresh,
  }: { readonly datanet: LockedDatanet; readonly sender: Sender; readonly fresh: readonly Fit[] },
): Promise<readonly Accepted[]> {
  if (fresh.length === 0) return [];
  const now = clock.now();
  const resolved = await resolveOwners(
    tx,
    identity,
    fresh.map(({ named }) => named ?? []),
  );
  const self = fresh.some(({ named }) => !named) ? await ownText(identity, sender) : [];
  const owners = resolved.map((one, i) => (fresh[i].named ? one.owners : self));
  const authorships = fresh.map(({ draft }, i) =>
    keptAuthorship(draft, resolved[i].partyOf, owners[i]),
  );
  const ids = fresh.map(() => newId('contribution', clock));

  await insertRecords(
    tx,
    datanet.id,
    fresh.map(({ hash, draft, quality }) => ({ hash, text: draft.text, quality: quality.ppm })),
    now,
  );
  await tx.query(sql`
    insert into datanets.contributions
      (id, datanet_id, record_hash, sequence, party_id, import_id, licence, purposes, source, metadata, owners,
       authorship, created_at)
    select id, ${datanet.id}, hash, ${datanet.lastSequence}::bigint + place, ${sender.partyId},
      ${sender.importId ?? null}, licence, string_to_array(purposes, ','), source::jsonb, metadata::jsonb,
      owners::jsonb, authorship::jsonb, ${now}
    from unnest(
      ${ids}::text[],
      ${fresh.map(({ hash }) => hash)}::text[],
      ${fresh.map(({ draft }) => draft.licence)}::text[],
      ${fresh.map(({ draft }) => purposesText(draft))}::text[],
      ${fresh.map(({ draft }) => JSON.stringify(draft.source ?? { kind: 'api' }))}::text[],
      ${fresh.map(({ draft }) => JSON.stringify(draft.metadata ?? {}))}::text[],
      ${owners.map((list) => JSON.stringify(list))}::text[],
      ${authorships.map((one) => (one ? JSON.stringify(one) : null))}::text[]
    ) with ordinality as draft (id, hash, licence, purposes, source, metadata, owners, authorship, place)`);
  await tx.query(sql`
    update datanets.datanets
    set records = records + ${fresh.length}
    where id = ${datanet.id}`);
  return fresh.map(({ line, hash, personalData }, i) => ({
    ...{ line, recordHash: hash, contributionId: ids[i], personalData },
  }));
}

/** Sorted and each once, so that equal ones are one group; with commas between them. */
const purposesText = ({ purposes }: Draft): string | null =>
  purposes ? [...new Set(purposes)].sort().join(',') : null;

/** Texts by hash; one that is there already stays as it is. */
export async function insertRecords(
  tx: Tx,
  datanetId: string,
  records: readonly { readonly hash: string; readonly text: string; readonly quality: number }[],
  now: Date,
): Promise<void> {
  await tx.query(sql`
    insert into datanets.records
      (datanet_id, hash, text, size_bytes, quality, quality_version, created_at)
    select ${datanetId}, hash, content, octet_length(content), quality, ${QUALITY_VERSION}, ${now}
    from unnest(
      ${records.map(({ hash }) => hash)}::text[],
      ${records.map(({ text }) => text)}::text[],
      ${records.map(({ quality }) => quality)}::integer[]
    ) as record (hash, content, quality)
    on conflict (datanet_id, hash) do nothing`);
}

async function ownText(identity: Identity, { partyId }: Sender): Promise<readonly Owner[]> {
  const party = await identity.findParty(partyId);
  return [{ party: partyId, identity: party.identity, weight: WEIGHT_ONE.toString() }];
}
