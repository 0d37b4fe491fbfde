import { OpenLedgerError } from '@openledger/protocol';
import { sleep } from '../../server/platform/clock.ts';

/** Asks again with the same id until there is an answer. @throws what a wish is refused with: nothing here may be refused */
export async function ask<T>(wish: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await wish();
    } catch (error) {
      if (error instanceof OpenLedgerError && error.code !== 'unavailable') throw error;
      await sleep(30);
    }
  }
}
