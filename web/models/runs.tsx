/** Training runs: how the loss fell, and on what they were trained. */
import type { Client } from '@openledger/sdk';
import { count, duration, plural } from '../app/numbers.ts';
import { Empty, Read, Section } from '../app/section.tsx';
import { EVERY_MS, useReading, valueIn } from '../app/use-reading.ts';
import { LossChart } from './loss-chart.tsx';

type Run = Awaited<ReturnType<Client['models']['listRuns']>>['items'][number];
type Model = Awaited<ReturnType<Client['models']['list']>>['items'][number];

export function Runs({ client }: { readonly client: Client }) {
  const reading = useReading(
    'runs',
    (signal) => client.models.listRuns({ limit: 6 }, { signal }),
    EVERY_MS,
  );
  const models = useReading('models', (signal) => client.models.list({}, { signal }), 2 * EVERY_MS);
  const known = valueIn(models)?.items ?? [];
  return (
    <Section
      id="models"
      title="Models and runs"
      lead="Training loss in nats a token; held out is text that the run did not learn from."
    >
      <Read reading={reading} what="training runs">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>Nothing was trained yet.</Empty>
          ) : (
            <ol className="runs">
              {items.map((run) => (
                <RunCard
                  key={run.id}
                  run={run}
                  model={known.find(({ id }) => id === run.modelId)}
                />
              ))}
            </ol>
          )
        }
      </Read>
    </Section>
  );
}

function RunCard({ run, model }: { readonly run: Run; readonly model: Model | undefined }) {
  const { recipe, evaluation } = run;
  return (
    <li className="run">
      <header>
        <h3>{recipe.name}</h3>
        <span className="kind">
          {recipe.kind === 'adapter' ? `adapter on ${recipe.base}` : 'base model'}
        </span>
        <span className={run.status === 'failed' ? 'fault' : 'run-status'}>{statusOf(run)}</span>
      </header>
      {run.losses.length > 0 ? <LossChart losses={run.losses} evaluation={evaluation} /> : null}
      {evaluation ? (
        <p>
          Held out <strong>{evaluation.heldOutLoss.toFixed(2)}</strong>, a bigram{' '}
          {evaluation.bigramLoss.toFixed(2)}, before {evaluation.before.toFixed(2)}.{' '}
          <span className="quiet">
            {count(evaluation.parameters)} parameters, {count(evaluation.trainingTokens)} tokens,{' '}
            {duration(evaluation.seconds * 1000)}.
          </span>
        </p>
      ) : null}
      <Lineage recipe={recipe} model={model} />
    </li>
  );
}

/** Snapshot by snapshot, whose data it learned from: those are the ones its answers pay. */
function Lineage({ recipe, model }: { readonly recipe: Run['recipe']; readonly model?: Model }) {
  const snapshots = model
    ? model.snapshots.map(({ snapshotId, role }) => ({ snapshotId, role }))
    : [{ snapshotId: recipe.snapshot, role: recipe.kind }];
  return (
    <p className="lineage">
      <span className="quiet">learned from </span>
      {snapshots.map(({ snapshotId, role }) => (
        <span key={`${snapshotId} ${role}`} title={snapshotId}>
          {role} <code>…{snapshotId.slice(-8)}</code>
        </span>
      ))}
    </p>
  );
}

function statusOf({ status, progress, failure }: Run): string {
  if (status === 'failed') return failure ?? 'failed';
  if (status !== 'running' || !progress) return status;
  const { stage, step, steps, tokensPerSecond } = progress;
  const pace = tokensPerSecond ? `, ${plural(Math.round(tokensPerSecond), 'token')} a second` : '';
  return stage === 'training' ? `step ${count(step)} of ${count(steps)}${pace}` : stage;
}
