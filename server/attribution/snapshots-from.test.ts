import { expect, test } from 'vitest';
import type { Datanets, SnapshotRecord } from '../datanets/index.ts';
import { snapshotsFrom } from './snapshots-from.ts';

const withdrawnFrom = (recordHash: string, version: number | undefined) =>
  ({ recordHash, withdrawn: version !== undefined, withdrawnFrom: version }) as SnapshotRecord;

test('a standing is that of one pool version, though more is withdrawn while it is read', async () => {
  const source = snapshotsFrom({
    findSnapshot: async () => ({ poolVersion: 2 }),
    async *snapshotRecords() {
      yield* [withdrawnFrom('a', 2), withdrawnFrom('b', 3), withdrawnFrom('c', undefined)];
    },
  } as unknown as Datanets);
  const { withdrawn, pool } = await source.standing('snp_1');
  expect([[...withdrawn], pool]).toEqual([['a'], 'pool:snp_1:2']);
});
