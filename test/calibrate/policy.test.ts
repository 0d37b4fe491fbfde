import { readFileSync } from 'node:fs';
import { defaultPolicy } from '@openledger/protocol';
import { expect, test } from 'vitest';

const calibration = JSON.parse(
  readFileSync(new URL('../../server/attribution/calibration.json', import.meta.url), 'utf8'),
);
const measured: Readonly<Record<string, number>> = calibration.confidencePpm;
const toThousandsDown = (ppm: number): number => ppm - (ppm % 1000);

test('trace and influence are trusted as far as the published calibration says', () => {
  expect(defaultPolicy.trace.confidencePpm).toBe(toThousandsDown(measured.trace));
  const { influence } = defaultPolicy.channels.confidencePpm;
  expect(influence.map(({ adapters }) => `influence-${adapters}`)).toEqual(
    Object.keys(measured).filter((name) => name.startsWith('influence-')),
  );
  for (const { adapters, ppm } of influence) {
    expect(ppm).toBe(toThousandsDown(measured[`influence-${adapters}`]));
  }
});
