/** Whether the numbers follow: shares from evidence, the price from usage and terms, legs from the price, and nothing lost. */
import { canonicalize } from '../canonical.ts';
import { shareByChannels } from '../channels.ts';
import { type FeeRole, feeLegs, REMAINDER_ROLE } from '../policy.ts';
import type { InferenceReceipt } from '../receipt.ts';
import { formatShares, groundedPpm, parseShares } from '../shares.ts';
import { shareProducts, splitLegs, WEIGHT_ONE } from '../split.ts';
import { priceBy, termsHash } from '../terms.ts';
import { attributableIn } from './attributable-in.ts';
import type { Bundle } from './bundle.ts';
import { must } from './check.ts';

/** The shares follow from spans, scores, entitlements and pools; evidence adds up and obeys its own rules. */
export function checkArithmetic(bundle: Bundle): string {
  const { attribution, snapshots, shares } = bundle.receipt;
  const attributable = attributableIn(bundle);
  if (!attribution || !attributable) {
    const isBare = snapshots.length === 0 && shares.length === 0;
    must(isBare, 'There are snapshots or shares, but no attribution.');
    return 'No registered data, so no shares.';
  }
  must(snapshots.length > 0, 'There is an attribution, but no snapshot to trace against.');
  for (const { start, words, records, information, echo } of attribution.spans) {
    must(words >= attribution.minWords, `The passage at ${start} is too short to count.`);
    must(
      records.length <= attribution.maxRecords,
      `The passage at ${start} names too many records.`,
    );
    const isPaid = information.some((worth) => worth > 0);
    must(!(echo && isPaid), `The passage at ${start} is an echo, and yet informative.`);
  }
  const measured = attributable.measure(attribution);
  const { covered } = attribution.information;
  must(
    measured.covered === BigInt(covered),
    `The passages cover ${measured.covered}, not ${covered}.`,
  );
  must(measured.covered <= measured.total, 'More information is covered than there is.');
  const grounded = groundedPpm(measured);
  must(attribution.groundedPpm === grounded, `The grounded fraction is ${grounded} ppm.`);

  const follows = formatShares(shareByChannels(attributable));
  const isSame = canonicalize(follows) === canonicalize(shares);
  must(isSame, 'The shares do not follow from the evidence and the prior.');
  return `${shares.length} shares follow from the evidence; grounded ${grounded} ppm.`;
}

/**
 * The price is what the terms make of the usage, and the terms shown are those. An answer given again is priced by whoever would
 * have been asked for it anew; who earns is who made it.
 */
export function checkPrice({ receipt, terms }: Bundle): string {
  const { price, usage, cachedFrom } = receipt;
  const by = price.terms;
  if (!by) {
    must(terms === undefined, 'The receipt names no terms, and yet the bundle shows some.');
    return 'The receipt does not say by which terms.';
  }
  const isPart = by.ppm !== undefined;
  must(
    isPart === (cachedFrom !== undefined),
    'An answer given again, and only that, costs a part.',
  );
  const units = priceBy(by, usage);
  must(units === BigInt(price.units), `The usage costs ${units} units by its terms.`);
  if (terms) {
    must(termsHash(terms) === by.hash, 'The terms shown are not those named.');
    must(terms.model === receipt.model.name, 'The terms shown are of another model.');
    const isTheirs = isPart || terms.operator.party === receipt.parties.operator;
    must(isTheirs, 'The terms shown are of another operator.');
    const isSame =
      terms.promptUnits === by.promptUnits && terms.completionUnits === by.completionUnits;
    must(isSame, 'The terms shown ask for other units.');
  }
  return `${units} units are the usage by ${terms ? 'the terms shown' : 'the terms named'}.`;
}

/** The legs are what the policy makes of the price, and each went to its role's account. */
export function checkSplit({ receipt, policy }: Bundle): string {
  const { price, legs, shares, parties, model } = receipt;
  const hasBase = (parties.base !== null) === (model.adapter !== null);
  must(hasBase, "An adapter was served and no base model's builder is named, or the reverse.");
  const planned = feeLegs(policy, {
    hasData: shares.length > 0,
    hasAdapter: parties.base !== null,
  });
  const expected = splitLegs(BigInt(price.units), planned, REMAINDER_ROLE)
    .filter(({ amount }) => amount > 0n)
    .map(({ to, amount }) => ({
      role: to,
      account: accountOf(receipt, to as FeeRole),
      units: amount.toString(),
    }));
  const isSame = canonicalize(expected) === canonicalize(legs);
  must(isSame, 'The legs are not what the policy makes of the price.');
  return `${legs.length} legs of ${price.units} units follow from the policy.`;
}

/** The legs are the price, and the shares divide the data leg to the last fraction. */
export function checkConservation({ receipt }: Bundle): string {
  const { price, legs, shares, ledger } = receipt;
  const sum = legs.reduce((total, { units }) => total + BigInt(units), 0n);
  must(sum === BigInt(price.units), `The legs sum to ${sum}, the price is ${price.units}.`);
  must(
    (ledger.transaction === null) === (sum === 0n),
    'Only a price of nothing has no transaction.',
  );
  const data = BigInt(legs.find(({ role }) => role === 'data')?.units ?? 0);
  if (shares.length === 0) {
    must(data === 0n, 'There is a data leg, but nobody to share it.');
    return `${sum} units in, ${sum} units out.`;
  }
  const given = [...shareProducts(data, parseShares(shares)).values()].reduce((a, b) => a + b, 0n);
  must(given === data * WEIGHT_ONE, 'The shares do not divide the data leg exactly.');
  return `${sum} units in, ${sum} units out, ${data} of them to data.`;
}

/** Where a role's part goes. Direct earners are credited in the settlement period the receipt names. */
function accountOf({ parties, ledger }: InferenceReceipt, role: FeeRole): string {
  const pending = (party: string) => `${party}:pending:${ledger.epoch}`;
  const accounts: Record<FeeRole, string> = {
    data: 'control:data',
    builder: pending(parties.builder),
    base: pending(parties.base ?? parties.builder),
    operator: pending(parties.operator),
    stakers: 'stakers:protocol',
    treasury: 'treasury:protocol',
    insurance: 'insurance:protocol',
  };
  return accounts[role];
}
