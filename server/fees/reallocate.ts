/** Better evidence: takes the data leg from one share vector and gives it to another, before it matures. */
import { faultOfShares, OpenLedgerError, type Shares } from '@openledger/protocol';
import { correct } from './correct.ts';
import type { Correction } from './corrections.ts';
import type { Routing } from './routings.ts';
import { type FeesHandles, isPool } from './stage.ts';

export type Reallocation = {
  readonly saleId: string;
  /** The caller's name for it: asked again under the same name, nothing changes. */
  readonly reallocationId: string;
  readonly shares: Shares;
};

/**
 * Moves what remains of the data leg. Refunds that come later are by the newest shares.
 *
 * @throws conflict when the epoch has matured, or the name was used for other shares; unprocessable when there is no data leg
 */
export async function reallocateFees(
  handles: FeesHandles,
  { saleId, reallocationId, shares }: Reallocation,
): Promise<void> {
  await assertPayable(handles, shares);
  const done = await correct(
    handles,
    { saleId, kind: 'reallocation', name: reallocationId },
    (routing, { after }) => {
      assertOpen(routing, after);
      return {
        kind: 'reallocation',
        saleId: routing.saleId,
        name: reallocationId,
        shares,
      };
    },
  );
  assertSame(done, shares);
}

/** A pool that does not exist would keep its epoch from ever maturing. */
async function assertPayable({ poolMembers }: FeesHandles, shares: Shares): Promise<void> {
  const fault = faultOfShares(shares);
  if (fault) throw new OpenLedgerError('invalid_input', fault);
  for (const { to } of shares) {
    if (isPool(to)) await poolMembers(to);
  }
}

function assertOpen({ saleId, epoch, shares }: Routing, maturedThrough: number): void {
  if (shares.length === 0) {
    throw new OpenLedgerError('unprocessable', `${saleId} has no data leg to reallocate.`);
  }
  if (epoch > maturedThrough) return;
  throw new OpenLedgerError('conflict', `The fees of ${saleId} have matured.`, { epoch });
}

function assertSame(done: Correction, shares: Shares): void {
  const isSame =
    done.kind === 'reallocation' &&
    done.shares.length === shares.length &&
    shares.every(
      ({ to, weight }, i) => done.shares[i].to === to && done.shares[i].weight === weight,
    );
  if (isSame) return;
  throw new OpenLedgerError('conflict', `The reallocation ${done.name} is another.`);
}
