/** Runs the real verifier in the browser, on the receipt as it came or on a forged one. */
import { type CheckResult, firstFailure, type Trust, verifyBundle } from '@openledger/protocol';
import { useState } from 'react';
import { count, plural } from '../app/numbers.ts';
import { type Excerpt, type Tampering, tamper } from './tamper.ts';

type Verdict = {
  readonly results: readonly CheckResult[];
  readonly ms: number;
  readonly tampering?: Tampering;
};

export function VerifyPanel({
  text,
  trust,
  receiptId,
}: {
  /** The bundle's canonical text. */
  readonly text: string;
  readonly trust: Trust;
  readonly receiptId: string;
}) {
  const [verdict, setVerdict] = useState<Verdict>();
  const verify = (tampering?: Tampering) => {
    const startedAt = performance.now();
    const results = verifyBundle(tampering?.bytes ?? text, trust);
    setVerdict({ results, ms: performance.now() - startedAt, tampering });
  };
  return (
    <section className="verify" aria-label="Verify this receipt">
      <div className="verify-actions">
        <button type="button" onClick={() => verify()}>
          Verify
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => verify(tamper(text, Math.random()))}
        >
          Tamper
        </button>
        <button type="button" className="plain" onClick={() => download(text, `${receiptId}.json`)}>
          Download
        </button>
        <p className="quiet">
          Runs in this browser, against the keys that this server publishes. With keys you got
          elsewhere, run <code>openledger verify</code> on the download.
        </p>
      </div>
      {verdict ? <VerdictView verdict={verdict} /> : null}
    </section>
  );
}

function VerdictView({ verdict: { results, ms, tampering } }: { readonly verdict: Verdict }) {
  const failure = firstFailure(results);
  return (
    <div role="status">
      {tampering ? (
        <div className="tampering">
          <p>
            Byte {count(tampering.at + 1)} of {count(tampering.bytes.length)} was changed:
          </p>
          <ExcerptLine sign="−" excerpt={tampering.before} />
          <ExcerptLine sign="+" excerpt={tampering.after} />
        </div>
      ) : null}
      <p className={failure ? 'verdict fault' : 'verdict holds'}>
        {failure
          ? `It does not hold: the check "${failure.check}" fails.`
          : `It holds: ${plural(results.length, 'check')} passed in ${Math.max(1, Math.round(ms))} ms.`}
      </p>
      <ul className="checks">
        {results.map(({ check, ok, detail }) => (
          <li key={check} data-ok={ok}>
            <span className="check-mark" aria-hidden="true">
              {ok ? '✓' : '✗'}
            </span>
            <span className="check-name">
              {check} <span className="hidden">{ok ? 'holds' : 'fails'}</span>
            </span>
            <span className="check-detail">{detail}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const ExcerptLine = ({ sign, excerpt }: { readonly sign: string; readonly excerpt: Excerpt }) => (
  <code className="excerpt">
    {sign} {excerpt.left}
    <b>{excerpt.byte}</b>
    {excerpt.right}
  </code>
);

function download(text: string, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
