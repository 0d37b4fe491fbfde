/** Checks a receipt offline: that everything the bundle says fits together, and is signed by those one trusts. */
import { z } from 'zod';
import { fromUtf8 } from '../bytes.ts';
import { type CanonicalValue, parseCanonical } from '../canonical.ts';
import { Bundle, MAX_BUNDLE_BYTES, type Trust } from './bundle.ts';
import { type CheckResult, must, runCheck } from './check.ts';
import { checkArithmetic, checkConservation, checkPrice, checkSplit } from './check-amounts.ts';
import { checkChannels } from './check-channels.ts';
import { checkOutput, checkPolicy, checkRecords, checkSnapshots } from './check-evidence.ts';
import { checkAnchor, checkCheckpoint, checkInclusion, checkSignature } from './check-log.ts';

/**
 * Runs the named checks in their order.
 *
 * A text that is not canonical, or not a bundle, fails at that and is looked at no further; all other checks are made
 * whatever the others found. The first that failed names the fault.
 *
 * @param bundle the file as it is: bytes, or their text
 */
export function verifyBundle(bundle: Uint8Array | string, trust: Trust): readonly CheckResult[] {
  const opened = openBundle(bundle);
  if (!opened.bundle) return opened.results;
  const it = opened.bundle;
  return [
    ...opened.results,
    runCheck('signature', () => checkSignature(it, trust)),
    runCheck('inclusion', () => checkInclusion(it)),
    runCheck('checkpoint', () => checkCheckpoint(it, trust)),
    ...(it.anchor ? [runCheck('anchor', () => checkAnchor(it, trust))] : []),
    runCheck('policy', () => checkPolicy(it)),
    runCheck('snapshot', () => checkSnapshots(it)),
    runCheck('record', () => checkRecords(it)),
    runCheck('output', () => checkOutput(it)),
    runCheck('channels', () => checkChannels(it)),
    runCheck('arithmetic', () => checkArithmetic(it)),
    runCheck('price', () => checkPrice(it)),
    runCheck('split', () => checkSplit(it)),
    runCheck('conservation', () => checkConservation(it)),
  ];
}

/** The first check that failed; undefined when all held. */
export const firstFailure = <Name extends string>(
  results: readonly CheckResult<Name>[],
): CheckResult<Name> | undefined => results.find(({ ok }) => !ok);

/** Reads a bundle: the checks 'canonical' and 'schema', and the bundle when both held. */
export function openBundle(bundle: Uint8Array | string): {
  readonly results: readonly CheckResult[];
  readonly bundle: Bundle | undefined;
} {
  let value: CanonicalValue = null;
  let parsed: Bundle | undefined;
  const canonical = runCheck('canonical', () => {
    must(bundle.length <= MAX_BUNDLE_BYTES, `It is larger than ${MAX_BUNDLE_BYTES} bytes.`);
    value = parseCanonical(typeof bundle === 'string' ? bundle : fromUtf8(bundle));
    return 'The bundle is canonical JSON.';
  });
  if (!canonical.ok) return { results: [canonical], bundle: undefined };
  const schema = runCheck('schema', () => {
    const outcome = Bundle.safeParse(value);
    must(outcome.success, outcome.success ? '' : z.prettifyError(outcome.error));
    parsed = outcome.data;
    return `It holds receipt ${parsed.receipt.id}.`;
  });
  return { results: [canonical, schema], bundle: parsed };
}
