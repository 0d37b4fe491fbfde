import { expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';

test('a passage of a refined record is named by the line of the file that it was cut out of, until it is withdrawn', async () => {
  const { database, datanets, owner } = await openTestDatanets();
  const { id: datanetId } = await datanets.create({ name: 'notes', ownerId: owner });
  const lines = ['harbour', 'lighthouse', 'windmill', 'orchard'].flatMap((subject) => [
    `# The ${subject}`,
    '',
    sentenceAbout(subject),
    '',
  ]);
  const draft = {
    ...{ text: lines.join('\n'), licence: 'MIT' },
    source: { kind: 'git' as const, path: 'notes.md', line: 11 },
  };
  const { recordHash: contributed } = await datanets.contribute({
    ...{ datanetId, partyId: owner, draft },
  });
  await datanets.refine({
    datanetId,
    refinerId: owner,
    pipeline: ['clean-1', 'chunk-1'],
  });
  const { id: snapshotId } = await datanets.seal(datanetId);
  let hash = '';
  let offset = -1;
  for await (const record of datanets.snapshotRecords(snapshotId)) {
    const at = record.text.indexOf('The windmill is described');
    if (at >= 0) [hash, offset] = [record.recordHash, at];
  }
  const places = [
    { recordHash: hash, offset },
    { recordHash: '0'.repeat(64), offset: 0 },
  ];
  expect(await datanets.passageSources(snapshotId, places)).toEqual([
    {
      source: { ...draft.source, line: 11 + lines.indexOf(sentenceAbout('windmill')) },
      ...{ licence: 'MIT', contributors: ['handle:owner'] },
    },
    undefined,
  ]);
  await datanets.withdraw({
    ...{ datanetId, recordHash: contributed, reason: 'mine' },
    caller: { partyId: owner, scopes: ['contribute'] },
  });
  expect(await datanets.passageSources(snapshotId, places)).toEqual([undefined, undefined]);
  await database.drop();
});
