import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { createTestDatabase } from '../../test/harness/postgres.ts';
import { createGovernance } from '../governance/index.ts';
import { createIdentity } from '../identity/index.ts';
import { systemClock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { createDatanets } from './index.ts';
test('x', async () => {
  const { db } = await createTestDatabase();
  const times = new Map<string, number>();
  const timed = <R extends { query: Db['query'] }>(reader: R): R => ({ ...reader, query: async (s: any) => { const t = performance.now(); const r = await reader.query(s); const k = s.text.trim().replace(/\s+/g,' ').slice(0, 80); times.set(k, (times.get(k) ?? 0) + performance.now() - t); return r as any; } });
  const slow: Db = { ...timed(db), transaction: (w) => db.transaction((tx) => w(timed(tx))) };
  const clock = systemClock;
  const identity = createIdentity({ db, clock });
  const governance = await createGovernance({ db, clock });
  const d = createDatanets({ db: slow, identity, governance, clock });
  const owner = (await identity.registerParty({ identity: 'handle:o' })).id;
  const n = await d.create({ name: 'a', ownerId: owner });
  const pages = readFileSync('/work/shared/data/corpora/tldr/pages_2025-12-31.jsonl','utf8').trim().split('\n').map((l)=>JSON.parse(l).text as string);
  async function* lines() { let i = 0; for (const text of pages) yield { number: ++i, text: JSON.stringify({ text, licence: 'MIT' }) }; }
  const show = (w: string, t: number) => { console.log(w, Math.round(performance.now() - t), [...times].sort((a,b)=>b[1]-a[1]).slice(0,5).map(([k,v])=>`${Math.round(v)} ${k}`).join('\n   ')); times.clear(); };
  let t = performance.now(); await d.contributeMany({ datanetId: n.id, partyId: owner, lines: lines() }); show('import', t);
  t = performance.now(); await d.refine({ datanetId: n.id, refinerId: owner, pipeline: ['clean-1','chunk-1'] }); show('refine', t);
  t = performance.now(); await d.seal(n.id); show('seal', t);
}, 200000);
