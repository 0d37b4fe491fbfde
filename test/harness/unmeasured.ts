/** For tests of attribution without an engine: nothing is measured beside the trace. */
import { silentLog } from '../../server/platform/log.ts';

export const unmeasured = {
  models: {
    likelihoods: async () => {
      throw new Error('Nobody measures here.');
    },
    influence: async () => undefined,
  },
  logHead: async () => ({ treeSize: 0, rootHash: '' }),
  log: silentLog,
};
