/** An output with its credited passages marked. */
import type { EvidenceSpan } from '@openledger/protocol';
import { hueOf } from './hue-of.ts';
import { segmentsOf } from './segments.ts';

export type Pointing = {
  readonly pointedAt: number | undefined;
  readonly onPoint: (passage: number | undefined) => void;
};

export function OutputText({
  text,
  spans,
  pointedAt,
  onPoint,
}: Pointing & { readonly text: string; readonly spans: readonly EvidenceSpan[] }) {
  if (text === '') return <p className="note">The answer was empty.</p>;
  return (
    <blockquote className="output">
      {segmentsOf(text, spans).map(({ start, text, passages }) => {
        const [first] = passages;
        if (first === undefined) return <span key={start}>{text}</span>;
        const starting = passages.filter((passage) => spans[passage].start === start);
        return (
          <mark
            key={start}
            className={hueOf(first, spans[first])}
            data-overlap={passages.length > 1}
            data-pointed={pointedAt !== undefined && passages.includes(pointedAt)}
            onPointerEnter={() => onPoint(first)}
            onPointerLeave={() => onPoint(undefined)}
          >
            {starting.map((passage) => (
              <sup key={passage}>{passage + 1}</sup>
            ))}
            {text}
          </mark>
        );
      })}
    </blockquote>
  );
}
