/** What a calibration says: to people, and to the code that trusts channels by it. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import type { Interval } from '../../server/compute/influence/metrics.ts';
import { type Calibration, KINDS, TRUTH_SEEDS } from './calibrate.ts';
import { DATA_INF, ridgeName, TRACE } from './methods.ts';
import type { SgdRow } from './sgd.ts';

export function formatReport(calibration: Calibration, sgd: readonly SgdRow[]): string {
  const { plan, records, queries, retrainings, seconds, ceilings, rows } = calibration;
  const { size } = plan;
  const most = plan.ensembles[plan.ensembles.length - 1];
  const best = rows.find(({ method }) => method === ridgeName(most));
  const { attainable } = ceilings[KINDS[0]];
  const part = (best?.by[KINDS[0]].estimate ?? 0) / attainable;
  const above = calibration.aboveDataInf;
  return `# Calibration

Written by \`npm run calibrate\`; do not edit. ${new Date().toISOString().slice(0, 10)}, commit ${commit()}, ${cpus().length} cores (${cpus()[0]?.model}), load average ${loadavg()[0].toFixed(2)}, node ${process.version}; ${seconds.toFixed(0)} s.

How right is each way of saying what a text did? Adapters are trained anew on subsets of the texts, and what a method says of a
subset is laid beside what training on it did.

**Setting.** ${calibration.texts}: ${size.players} contributors with ${size.recordsEach} records of ${size.context + 1} tokens each (${records} records), ${queries} queries from other parts of
their texts. Base: ${size.layers} layers, width ${size.width}, vocabulary ${size.vocabulary}, trained on documents none of them had a part in. Adapters: rank 4 on every linear layer,
${size.steps} steps of ${size.batch} records, AdamW as the engine emits it. ${retrainings} trainings. Seeds: base 1; methods and subset adapters 1, subsets 500;
truth ${TRUTH_SEEDS.join(' and ')}, its subsets 600 to 603.

**Measures.** Spearman's rho for each query, then the mean over queries, with 95 % intervals by bootstrap over queries (they do not
cover the choice of subsets). LDS: over ${plan.subsets} random subsets that hold the fraction alpha. Truth is the mean log-likelihood of two retrainings with other seeds.

| | ${KINDS.join(' | ')} |
|---|${KINDS.map(() => '---').join('|')}|
| *one retraining against the other* | ${KINDS.map((kind) => ceilings[kind].agreement.toFixed(3)).join(' | ')} |
| *noise ceiling: the most attainable* | ${KINDS.map((kind) => ceilings[kind].attainable.toFixed(3)).join(' | ')} |
${rows.map(({ method, by }) => `| ${method} | ${KINDS.map((kind) => cell(by[kind])).join(' | ')} |`).join('\n')}

The ceiling is the root of the reliability of a mean of two (Spearman, Brown), from the agreement above it.
Records inside a contributor are told apart by the preconditioned gradient dot; between contributors ridge alone speaks.

- ${ridgeName(most)} less ${DATA_INF}, contributor LDS: ${cell(above)}. Above with 95 % confidence: ${above.low > 0 ? 'yes' : 'no'}.
- ${ridgeName(most)} reaches ${part.toFixed(3)} of the noise ceiling. At least 0.9: ${part >= 0.9 ? 'yes' : 'no'}.

## Confidence

A channel's c is the lower end of its contributor LDS, 0 where the interval spans 0, and for the trace at most one half. It stands in
\`server/attribution/calibration.json\`.

| channel | c |
|---|---|
${Object.entries(confidences(calibration))
  .map(([channel, ppm]) => `| ${channel} | ${(ppm / 1e6).toFixed(3)} |`)
  .join('\n')}

The trace is measured here by runs of 4 tokens, since records and queries are ${size.context + 1} tokens long; the product's spans of 8 words are rarer and
longer. The context channel is not measured here.

## Plain SGD

Metagradients are defined where the optimiser feels a record's weight, which AdamW does not. Multinomial logistic regression on the same texts, float64, one
seed: the run is repeated step by step without the records that are left out. Record LDS.

| | alpha 0.5 | alpha 0.9 |
|---|---|---|
${sgd.map(({ method, half, most: nine }) => `| ${method} | ${cell(half)} | ${cell(nine)} |`).join('\n')}

Exact influence on a convex problem beside full retraining: \`npx vitest run server/compute/influence/exact.test.ts --reporter=verbose\`.
`;
}

/** For code: each channel's confidence in ppm, and what it was taken from. */
export function formatNumbers(calibration: Calibration): string {
  const { plan, rows } = calibration;
  const numbers = {
    version: 1,
    command: 'npm run calibrate',
    measure: KINDS[0],
    confidencePpm: confidences(calibration),
    measured: Object.fromEntries(
      [TRACE, ...plan.ensembles.map(ridgeName)].map((name) => [
        name,
        rows.find(({ method }) => method === name)?.by[KINDS[0]],
      ]),
    ),
  };
  return `${JSON.stringify(numbers, null, 2)}\n`;
}

const HALF_PPM = 500_000;

function confidences({ plan, rows }: Calibration): Readonly<Record<string, number>> {
  const lower = (name: string): number => {
    const interval = rows.find(({ method }) => method === name)?.by[KINDS[0]];
    return Math.floor(Math.max(0, interval?.low ?? 0) * 1e6);
  };
  return {
    trace: Math.min(HALF_PPM, lower(TRACE)),
    ...Object.fromEntries(plan.ensembles.map((k) => [`influence-${k}`, lower(ridgeName(k))])),
  };
}

const cell = ({ estimate, low, high }: Interval): string =>
  `${estimate.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
