/** A run's loss curve, with the held-out loss beside a bigram's. */
import type { Evaluation } from '@openledger/protocol';
import { chartPath, chartScale, type LossPoint } from './loss-chart-path.ts';

const FRAME = { width: 420, height: 120 };

export function LossChart({
  losses,
  evaluation,
}: {
  readonly losses: readonly LossPoint[];
  readonly evaluation: Evaluation | undefined;
}) {
  const levels = evaluation
    ? [
        { name: 'bigram', loss: evaluation.bigramLoss },
        { name: 'held out', loss: evaluation.heldOutLoss },
      ]
    : [];
  const scale = chartScale(
    losses,
    levels.map(({ loss }) => loss),
    FRAME,
  );
  const last = losses[losses.length - 1];
  return (
    <svg
      className="loss-chart"
      viewBox={`-28 -8 ${FRAME.width + 96} ${FRAME.height + 26}`}
      role="img"
      aria-label={`Training loss fell to ${last[1].toFixed(2)} in ${last[0]} steps.`}
    >
      {scale.ticks.map((loss) => (
        <g key={loss} className="tick">
          <line x1="0" x2={FRAME.width} y1={scale.y(loss)} y2={scale.y(loss)} />
          <text x="-6" y={scale.y(loss)} dy="0.32em" textAnchor="end">
            {Number(loss.toPrecision(3))}
          </text>
        </g>
      ))}
      {levels.map(({ name, loss }) => (
        <g key={name} className={`level level-${name.replace(' ', '-')}`}>
          <line x1="0" x2={FRAME.width} y1={scale.y(loss)} y2={scale.y(loss)} />
          <text x={FRAME.width + 6} y={scale.y(loss)} dy="0.32em">
            {name}
          </text>
        </g>
      ))}
      <path d={chartPath(losses, scale)} />
      <text className="axis" x={FRAME.width} y={FRAME.height + 14} textAnchor="end">
        {last[0].toLocaleString('en-GB')} steps
      </text>
    </svg>
  );
}
