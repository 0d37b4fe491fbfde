/** Access to datanets where nothing is paid: whoever comes to the ledger fails. */
import { createAccess } from '../../server/datanets/index.ts';

const unasked = async () => {
  throw new Error('Nothing is read for pay here.');
};

export const freeAccess = (
  handles: Omit<Parameters<typeof createAccess>[0], 'ledger' | 'spend'>,
): ReturnType<typeof createAccess> =>
  createAccess({ ...handles, ledger: { post: unasked }, spend: unasked });
