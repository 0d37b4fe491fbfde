/** A part of the page under its heading, and what stands there when there is nothing to show. */
import type { ReactNode } from 'react';
import { needsKey, type Reading } from './use-reading.ts';

export function Section({
  id,
  title,
  lead,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly lead?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} className="section">
      <header className="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {lead ? <p>{lead}</p> : null}
      </header>
      {children}
    </section>
  );
}

/** Shows what was read, or says why it cannot be shown. */
export function Read<T>({
  reading,
  what,
  children,
}: {
  readonly reading: Reading<T>;
  /** What is being read, as in "Reading the receipts". */
  readonly what: string;
  readonly children: (value: T) => ReactNode;
}) {
  if (reading.state === 'waiting') return <p className="note quiet">Reading {what} …</p>;
  if (needsKey(reading)) return <p className="note">A key that may read shows {what}.</p>;
  if (reading.state === 'failed') {
    return (
      <p className="note fault" role="status">
        {sentence(what)} cannot be read. {reading.error.message}
      </p>
    );
  }
  return children(reading.value);
}

export const Empty = ({ children }: { readonly children: ReactNode }) => (
  <p className="note">{children}</p>
);

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
