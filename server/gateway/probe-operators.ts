/** Looks at operators from the side, so that no call has to find out. */
import type { Reader } from '../platform/db.ts';
import type { Directory } from './directory.ts';
import { listOperators } from './operators.ts';
import type { Standings } from './routing/standings.ts';

type ProbeHandles = {
  readonly db: Reader;
  readonly directory: Directory;
  readonly standings: Standings;
};

/** Those that do not list their models are known by their calls alone: many servers have no such list. */
export async function probeOperators({ db, directory, standings }: ProbeHandles): Promise<void> {
  const remote = (await listOperators(db)).filter(({ kind }) => kind !== 'local');
  await Promise.all(
    remote.map(async ({ name }) => {
      const { operator } = await directory.operator(name);
      const models = await operator.listModels().catch(() => undefined);
      if (models) standings.answered(name, models);
    }),
  );
}
