/** Taking text in: the checks at the door, hashing, and whose each token is, as the corpus grows. */
import { entitlementOf, sha256Hex } from '@openledger/protocol';
import { checkDraft } from '../../../server/datanets/checks/check.ts';
import {
  type AcceptedRecord,
  createOwnership,
} from '../../../server/datanets/ownership/ownership.ts';
import { createTokenIds } from '../../../server/datanets/ownership/token-ids.ts';
import { scoreQuality } from '../../../server/datanets/quality.ts';
import { figure, mention, type Row } from '../table.ts';
import { textFiles } from '../text-files.ts';

/** At scale 1. */
const TOKENS = 24_000_000;
const SMOKE_SCALE = 0.02;
const GOAL_TOKENS_A_SECOND = 400_000;
/** Records that come as one import. */
const TOGETHER = 50;
/** Parties that the records are given to in turn. */
const PARTIES = 2000;

type Step = { readonly tokens: number; readonly seconds: number };

export function benchIngest({ scale = SMOKE_SCALE }: { readonly scale: number | undefined }): {
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
} {
  mention('ingest');
  const wanted = Math.round(TOKENS * scale);
  const { steps, records, refused, bytes } = takeIn(wanted);
  const tokens = sum(steps.map((step) => step.tokens));
  const rate = tokens / sum(steps.map((step) => step.seconds));
  const [early, late] = [rateOf(steps, 0, 0.1), rateOf(steps, 0.9, 1)];
  const part = `${figure(tokens)} tokens in ${figure(records)} records`;
  return {
    notes: [
      `Ingest: files of installed packages and of the system, ${part}, ${figure(refused)} more refused at the door; the processor's time of one thread, without the database. The last tenth against the first one says what growth costs.`,
    ],
    rows: [
      {
        what: `ingest, ${part}`,
        peer: `${figure(late)} tokens/s in the last tenth, ${figure(early)} in the first`,
        ours: `${figure(rate)} tokens/s a core`,
        ratio: late / early,
        goal: `>= ${figure(GOAL_TOKENS_A_SECOND)}`,
        reached: rate >= GOAL_TOKENS_A_SECOND,
      },
      {
        what: 'memory of ownership, bytes a token',
        ours: `${figure(bytes / tokens)} B`,
      },
    ],
  };
}

function takeIn(wanted: number) {
  const ids = createTokenIds();
  const ownership = createOwnership();
  const seen = new Set<string>();
  const before = memory();
  const steps: Step[] = [];
  let [records, refused, tokens] = [0, 0, 0];
  const take = (texts: readonly string[]): void => {
    const group: AcceptedRecord[] = [];
    for (const text of texts) {
      const quality = scoreQuality(text);
      const hash = sha256Hex(text);
      const draft = { text, licence: 'MIT' };
      if (checkDraft(draft, { licences: ['MIT'], quality }) || seen.has(hash)) {
        refused += 1;
        continue;
      }
      seen.add(hash);
      const tokenized = ids.tokenize(text);
      const owners = entitlementOf([{ party: `party ${records++ % PARTIES}`, weight: 1n }]);
      group.push({ ...tokenized, claims: [{ tokens: tokenized.tokens.length, owners }] });
      tokens += tokenized.tokens.length;
    }
    ownership.accept(group);
  };
  for (const texts of inGroups(textFiles())) {
    if (tokens >= wanted) break;
    const already = tokens;
    const { user } = process.cpuUsage();
    take(texts);
    const seconds = (process.cpuUsage().user - user) / 1e6;
    steps.push({ tokens: tokens - already, seconds });
  }
  return { steps, records, refused, bytes: memory() - before };
}

function* inGroups(texts: Iterable<string>): Generator<readonly string[]> {
  let group: string[] = [];
  for (const text of texts) {
    if (group.push(text) < TOGETHER) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

const memory = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Tokens a second between two parts of the way. */
function rateOf(steps: readonly Step[], from: number, to: number): number {
  const some = steps.slice(Math.floor(from * steps.length), Math.ceil(to * steps.length));
  return sum(some.map(({ tokens }) => tokens)) / sum(some.map(({ seconds }) => seconds));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
