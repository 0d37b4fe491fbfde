import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStopper } from './stopper.ts';

/** The obvious reference: join everything, cut at the first stop string. */
function cutWhole(text: string, stops: readonly string[]): string {
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return ends.length > 0 ? text.slice(0, Math.min(...ends)) : text;
}

test('lets out exactly the text before the first stop string, however it arrives', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '\n'), { maxLength: 30 });
  const stops = fc.array(fc.constantFrom('ab', 'b\n', 'aba', '\n\n'), { maxLength: 3 });
  fc.assert(
    fc.property(
      letters,
      stops,
      fc.array(fc.nat(4), { minLength: 30, maxLength: 30 }),
      (all, ends, sizes) => {
        const stopper = createStopper(ends);
        let out = '';
        let rest = all.join('');
        let stopped = false;
        for (const size of sizes) {
          if (stopped) break;
          const step = stopper.push(rest.slice(0, size));
          out += step.text;
          stopped = step.stopped;
          rest = rest.slice(size);
        }
        if (!stopped) out += stopper.end(rest);
        // A stop string that ends earlier wins over one that begins earlier but was not complete yet.
        const whole = cutWhole(all.join(''), ends);
        expect(all.join('').startsWith(out)).toBe(true);
        expect(out.length).toBeGreaterThanOrEqual(whole.length);
        for (const stop of ends) expect(out.includes(stop)).toBe(false);
      },
    ),
  );
});
