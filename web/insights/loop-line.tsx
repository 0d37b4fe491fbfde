/** The loop as one line: what enters on the left has paid somebody on the right. */
import { count } from '../app/numbers.ts';
import { type StageCounts, stages } from './stages.ts';

export function LoopLine({ counts }: { readonly counts: StageCounts }) {
  return (
    <figure className="loop" aria-label="The loop and what it has done so far">
      <ol>
        {stages.map((stage) => {
          const done = counts[stage];
          return (
            <li key={stage} data-done={done && done.n > 0}>
              <span className="loop-stage">{stage}</span>
              <span className="loop-count">{done ? count(done.n) : ''}</span>
              <span className="loop-of">{done?.of ?? ''}</span>
            </li>
          );
        })}
      </ol>
      <figcaption>
        <span>earnings flow back to contributors</span>
      </figcaption>
    </figure>
  );
}
