/** `explain RECEIPT`: each unit of a price in sentences, the largest first: which words, whose, where, how known, how much. */
import { readFile } from 'node:fs/promises';
import {
  attributableIn,
  type Bundle,
  type Client,
  channelEarnings,
  type EvidenceSpan,
  type FeeRole,
  formatOpen,
  type Id,
  isId,
  OpenLedgerError,
  openBundle,
  ownersIn,
  type PricedBy,
  parseShares,
  passageEarnings,
  WEIGHT_ONE,
} from '@openledger/sdk';
import { type Arguments, hasFlag } from '../arguments.ts';
import { sourceLine } from '../first-loop/source-line.ts';
import { openSession } from '../session.ts';

/** Whether this is what a receipt is called by: its id, or its file. */
export const isReceiptName = (word: string): boolean =>
  isId('receipt', word) || word.endsWith('.json');

export async function explainReceipt(args: Arguments): Promise<number> {
  const [word] = args.words;
  const { bundle, names } = isId('receipt', word)
    ? await fetched(args, word)
    : { bundle: await fromFile(word), names: namesOffline };
  const parts = await partsOf(bundle, names);
  if (hasFlag(args, 'json')) {
    const plain = parts.map(({ units, ...part }) => ({ units: units.toString(), ...part }));
    console.log(JSON.stringify({ receipt: bundle.receipt.id, parts: plain }, null, 2));
    return 0;
  }
  const { model, price, attribution } = bundle.receipt;
  const grounded = attribution
    ? `; ${(attribution.groundedPpm / 1e4).toFixed(2)} % of what it said stands in records`
    : '; no registered data stands behind it';
  console.log(`${model.name} answered for ${open(BigInt(price.units))}${grounded}.\n`);
  if (price.terms) console.log(`${termsLine(price.terms)}\n`);
  for (const { units, to, because } of parts) console.log(`${open(units)} to ${to}: ${because}`);
  return 0;
}

/** What makes the price. */
const termsLine = ({ hash, promptUnits, completionUnits, ppm }: PricedBy): string => {
  const part = ppm === undefined ? '' : `, of which an answer given again costs ${percent(ppm)}`;
  return `A token read costs ${open(BigInt(promptUnits))} and a token written ${open(BigInt(completionUnits))}${part}, by the terms ${hash}.`;
};

/** How parties and places are called. */
export type Names = {
  readonly party: (partyId: string) => Promise<string>;
  /** Of a passage of a record. */
  readonly place: (cited: Cited) => Promise<string>;
};

type Cited = EvidenceSpan['records'][number] & { readonly datanetId: Id<'datanet'> | undefined };

/** Who has what of a price, and why. */
export type Part = { readonly units: bigint; readonly to: string; readonly because: string };

export async function partsOf(bundle: Bundle, names: Names): Promise<readonly Part[]> {
  const parts = [
    ...(await passageParts(bundle, names)),
    ...(await channelParts(bundle, names)),
    ...poolParts(bundle),
    ...(await directParts(bundle, names)),
  ];
  return parts
    .filter(({ units }) => units > 0n)
    .sort((a, b) => (a.units === b.units ? 0 : a.units > b.units ? -1 : 1));
}

const dataUnitsOf = ({ receipt }: Bundle): bigint =>
  BigInt(receipt.legs.find(({ role }) => role === 'data')?.units ?? 0);

async function passageParts(bundle: Bundle, names: Names): Promise<readonly Part[]> {
  const { attribution } = bundle.receipt;
  const attributable = attributableIn(bundle);
  if (!attribution || !attributable) return [];
  const earnings = passageEarnings(attributable, dataUnitsOf(bundle), ownersIn(bundle));
  const parts: Part[] = [];
  for (const [i, span] of attribution.spans.entries()) {
    if (earnings[i].parties.length === 0) continue;
    const place = await names.place(citedBy(bundle, span));
    const others = span.records.length - 1;
    const also = others > 0 ? ` and ${others} more` : '';
    for (const { party, units } of earnings[i].parties) {
      parts.push({
        units,
        to: await names.party(party),
        because: `${quoteOf(bundle, span)} stands in ${place}${also}, word for word (${attribution.algorithm}), which is trusted by ${percent(attribution.confidencePpm)}; these words are shared by who owns them.`,
      });
    }
  }
  return parts;
}

async function channelParts(bundle: Bundle, names: Names): Promise<readonly Part[]> {
  const attributable = attributableIn(bundle);
  if (!attributable) return [];
  return Promise.all(
    channelEarnings(attributable, dataUnitsOf(bundle)).map(
      async ({ to, units, channel, confidencePpm }) => ({
        units,
        to: await names.party(to),
        because: `${causes[channel]}, which is trusted by ${percent(confidencePpm)}.`,
      }),
    ),
  );
}

const causes: Readonly<Record<string, string>> = {
  context: 'with these records in the prompt the model found this very answer likelier (context)',
  influence: 'what was learned from these records made this very answer likelier (influence)',
};

function citedBy({ snapshots }: Bundle, { records }: EvidenceSpan): Cited {
  const [first] = records;
  const datanetId = snapshots.find(({ snapshot }) => snapshot === first.snapshot)?.datanet;
  return { ...first, datanetId };
}

/** From the answer where it is disclosed, else from a record whose text is shown. */
function quoteOf({ disclosures, records }: Bundle, span: EvidenceSpan): string {
  const { output } = disclosures;
  const [cited] = span.records;
  const shown = records.find(({ record, text }) => record === cited.record && text !== null);
  const text =
    output?.text.slice(span.start, span.end) ?? shown?.text?.slice(cited.start, cited.end);
  if (text === undefined) return `A passage of ${span.words} words, not shown,`;
  const line = text.replace(/\s+/g, ' ').replace(/\p{Cc}/gu, '?');
  const most = 80;
  const short = line.length > most ? `${line.slice(0, most)}...` : line;
  return `"${short}" (${span.words} words)`;
}

const poolParts = (bundle: Bundle): readonly Part[] =>
  (bundle.receipt.attribution ? parseShares(bundle.receipt.shares) : [])
    .filter(({ to }) => !to.startsWith('pty_'))
    .map(({ to, weight }) => ({
      units: (dataUnitsOf(bundle) * weight) / WEIGHT_ONE,
      to,
      because: to.startsWith('pool:')
        ? 'the prior, for what no passage explains: everybody in that snapshot, by what they own of it and its quality.'
        : 'nobody owns this part.',
    }));

const reasons: Readonly<Record<Exclude<FeeRole, 'data'>, string>> = {
  builder: 'built the model that answered.',
  base: 'built the base model under it.',
  operator: 'served the answer.',
  stakers: 'the protocol: those who stake.',
  treasury: 'the protocol: its treasury, with what rounding leaves.',
  insurance: 'the protocol: insurance and audits.',
};

async function directParts({ receipt }: Bundle, names: Names): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const { role, account, units } of receipt.legs) {
    if (role === 'data') continue;
    const [party] = account.split(':');
    const to = isId('party', party) ? await names.party(party) : account;
    parts.push({ units: BigInt(units), to, because: `${reasons[role]} By policy.` });
  }
  return parts;
}

const namesOffline: Names = {
  party: async (partyId) => partyId,
  place: async ({ record, start }) => `record ${record.slice(0, 12)} at ${start}`,
};

async function fetched(args: Arguments, receiptId: Id<'receipt'>) {
  const { client } = await openSession(args);
  const { bundle } = await client.receipts.bundle({ receiptId });
  return { bundle: opened(new TextEncoder().encode(bundle)), names: namesFrom(client) };
}

/** What the caller may not read is called as offline. */
function namesFrom(client: Client): Names {
  const known = new Map<string, Promise<string>>();
  return {
    party(partyId) {
      if (!isId('party', partyId)) return Promise.resolve(partyId);
      const name =
        known.get(partyId) ??
        client.identity.getParty({ partyId }).then(
          ({ displayName, identity }) => displayName ?? identity,
          () => partyId,
        );
      known.set(partyId, name);
      return name;
    },
    async place(cited) {
      const { datanetId, record: recordHash, start } = cited;
      if (!datanetId) return namesOffline.place(cited);
      try {
        const record = await client.datanets.getRecord({ datanetId, recordHash });
        const line = await sourceLine(client, { datanetId, record, offset: start });
        const { package: name, path } = record.source;
        const file = [name, path].filter(Boolean).join(' ');
        return file ? `${file}:${line}` : namesOffline.place(cited);
      } catch (error) {
        if (error instanceof OpenLedgerError) return namesOffline.place(cited);
        throw error;
      }
    },
  };
}

async function fromFile(path: string): Promise<Bundle> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new OpenLedgerError('not_found', `${path} cannot be read.`, {}, { cause });
  });
  return opened(bytes);
}

/** It explains what the receipt says; `verify` says whether that holds. @throws not_canonical */
function opened(bytes: Uint8Array): Bundle {
  const { bundle } = openBundle(bytes);
  if (bundle) return bundle;
  throw new OpenLedgerError('not_canonical', "This is not a receipt's file.");
}

const open = (units: bigint): string => `${formatOpen(units)} OPEN`;

const percent = (ppm: number): string => `${(ppm / 1e4).toFixed(0)} %`;
