/** The legs of a price as a bar: each as wide as its part. */
import { type FeeRole, type InferenceReceipt, PPM_ONE } from '@openledger/protocol';
import { percent } from '../app/numbers.ts';
import { Amount } from '../ledger/amount.tsx';

/** What a reader distinguishes; the protocol's three purses are one to him. */
const groups: readonly { readonly name: string; readonly roles: readonly FeeRole[] }[] = [
  { name: 'data', roles: ['data'] },
  { name: 'builder', roles: ['builder'] },
  { name: 'base', roles: ['base'] },
  { name: 'operator', roles: ['operator'] },
  { name: 'protocol', roles: ['stakers', 'treasury', 'insurance'] },
];

export function FeeBar({ legs }: { readonly legs: InferenceReceipt['legs'] }) {
  const total = legs.reduce((sum, { units }) => sum + BigInt(units), 0n);
  if (total === 0n) return <p className="note">This answer was free: there is nothing to split.</p>;
  const parts = groups
    .map(({ name, roles }) => {
      const own = legs.filter(({ role }) => roles.includes(role));
      const units = own.reduce((sum, leg) => sum + BigInt(leg.units), 0n);
      return { name, units, ppm: Number((units * BigInt(PPM_ONE)) / total) };
    })
    .filter(({ units }) => units > 0n);
  let left = 0;
  return (
    <section className="legs" aria-label="Where the price went">
      <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ name, ppm }) => {
          const x = left;
          left += ppm / 1000;
          return <rect key={name} className={`leg-${name}`} x={x} width={ppm / 1000} height="10" />;
        })}
      </svg>
      <dl>
        {parts.map(({ name, units, ppm }) => (
          <div key={name} className={`leg-${name}`}>
            <dt>
              {name} <span>{percent(ppm)}</span>
            </dt>
            <dd>
              <Amount units={units} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
