/** A real import: pages with the writers of their lines, refined and sealed, in PostgreSQL. */
import { createDatanets } from '../../../server/datanets/index.ts';
import { createGovernance } from '../../../server/governance/index.ts';
import { createIdentity } from '../../../server/identity/index.ts';
import { systemClock as clock } from '../../../server/platform/clock.ts';
import { tldrDrafts, tldrIsHere } from '../../harness/tldr.ts';
import type { Scratch } from '../scratch.ts';
import { figure, mention, type Row } from '../table.ts';

const GOAL_SECONDS = 30;
const BATCH = 500;

export async function benchTldrImport({
  db,
}: Scratch): Promise<{ readonly notes: readonly string[]; readonly rows: readonly Row[] }> {
  if (!tldrIsHere()) return { notes: ['No tldr pages stand beside the project.'], rows: [] };
  mention('import of the tldr pages');
  const drafts = tldrDrafts();
  const identity = createIdentity({ db, clock });
  const governance = await createGovernance({ db, clock });
  const datanets = createDatanets({ db, clock, identity, governance });
  const partyId = (await identity.registerParty({ identity: 'handle:bench' })).id;
  const licences = ['CC-BY-4.0'];
  const { id: datanetId } = await datanets.create({ name: 'tldr', ownerId: partyId, licences });
  const { id: importId } = await datanets.openImport({ datanetId, partyId, name: 'tldr' });

  const times = [performance.now()];
  for (let from = 0; from < drafts.length; from += BATCH) {
    const lines = linesOf(drafts.slice(from, from + BATCH));
    await datanets.uploadImport({ datanetId, partyId, importId, from, lines });
  }
  times.push(performance.now());
  await datanets.refine({ datanetId, refinerId: partyId, pipeline: ['clean-1', 'chunk-1'] });
  times.push(performance.now());
  const { manifest } = await datanets.seal(datanetId);
  times.push(performance.now());
  datanets.stop();
  const seconds = times.slice(1).map((time, i) => (time - times[i]) / 1000);
  const all = seconds.reduce((sum, one) => sum + one, 0);
  return {
    notes: [
      `tldr: ${figure(drafts.length)} pages taken in ${figure(seconds[0])} s, refined in ${figure(seconds[1])} s, ${figure(manifest.records)} records sealed in ${figure(seconds[2])} s, each token with its owners.`,
    ],
    rows: [
      {
        what: 'tldr pages imported, refined and sealed',
        ours: `${figure(all)} s`,
        goal: `<= ${GOAL_SECONDS} s`,
        reached: all <= GOAL_SECONDS,
      },
    ],
  };
}

async function* linesOf(drafts: ReturnType<typeof tldrDrafts>) {
  for (const [i, { contributors, path, ...draft }] of drafts.entries()) {
    const named = contributors.map(({ handle, weight }) => ({
      ...{ identity: `handle:${handle}`, weight },
    }));
    const text = JSON.stringify({
      ...{ ...draft, contributors: named, source: { kind: 'jsonl', path } },
    });
    yield { number: i + 1, text };
  }
}
