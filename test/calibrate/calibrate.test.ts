/** The calibration in short, on made-up texts: the same code as `npm run calibrate`, with thresholds of its own. */
import { expect, test } from 'vitest';
import { calibrate, type Plan } from './calibrate.ts';
import { DATA_INF, PRECONDITIONED, ridgeName } from './methods.ts';
import { formatNumbers, formatReport } from './report.ts';
import { calibrateSgd } from './sgd.ts';
import { generateTexts } from './texts.ts';

const PLAN: Plan = {
  size: {
    ...{ players: 8, recordsEach: 10, queriesEach: 3 },
    ...{ vocabulary: 300, context: 24, width: 16, layers: 1 },
    ...{ baseSteps: 200, steps: 50, batch: 8, members: 16 },
  },
  ensembles: [16, 32],
  subsets: 16,
};

test('subset adapters say what contributors did, and the report says how surely', {
  timeout: 240_000,
}, async (context) => {
  const calibration = await calibrate(generateTexts(PLAN.size.players), PLAN, () => {});
  const lds = (name: string) =>
    calibration.rows.find(({ method }) => method === name)?.by['contributor LDS, alpha 0.5'];
  const ceiling = calibration.ceilings['contributor LDS, alpha 0.5'];
  for (const { method, by } of calibration.rows)
    context.annotate(`${method}: ${by['contributor LDS, alpha 0.5'].estimate.toFixed(3)}`);
  context.annotate(`ceiling ${ceiling.attainable.toFixed(3)}, ${calibration.seconds.toFixed(0)} s`);
  expect(ceiling.agreement).toBeGreaterThan(0.7);
  expect(lds(ridgeName(32))?.estimate).toBeGreaterThan(0.75 * ceiling.attainable);
  expect(lds(ridgeName(32))?.low).toBeGreaterThan(0.5);
  expect(lds(PRECONDITIONED)?.estimate).toBeGreaterThan(0.2);
  expect(lds('prior')?.estimate).toBeLessThan(0.5);
  expect(lds(DATA_INF)).toBeDefined();
  const numbers = JSON.parse(formatNumbers(calibration));
  expect(numbers.confidencePpm.trace).toBeLessThanOrEqual(500_000);
  expect(numbers.confidencePpm['influence-32']).toBe(
    Math.floor(Math.max(0, lds(ridgeName(32))?.low ?? 0) * 1e6),
  );
  expect(formatReport(calibration, [])).toContain('npm run calibrate');
});

test('under plain SGD the path-integrated metagradient orders halves as retraining does', () => {
  const rows = calibrateSgd(generateTexts(8), { queries: 10, subsets: 24 });
  const half = (start: string) =>
    rows.find(({ method }) => method.startsWith(start))?.half.estimate;
  expect(half('metagradient, path')).toBeGreaterThan(0.8);
  expect(half('metagradient, path')).toBeGreaterThan(half('gradient dot') ?? 1);
});
