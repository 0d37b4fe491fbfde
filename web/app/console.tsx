/** The console: one page that shows the loop turning, from the public API alone. */
import type { Client } from '@openledger/sdk';
import { TopEarners } from '../fees/top-earners.tsx';
import { Ask } from '../gateway/ask.tsx';
import { KeyForm } from '../identity/key-form.tsx';
import { Figures } from '../insights/figures.tsx';
import { LoopLine } from '../insights/loop-line.tsx';
import { useCounts } from '../insights/use-counts.ts';
import { Books } from '../ledger/books.tsx';
import { Runs } from '../models/runs.tsx';
import { Receipts } from '../receipts/receipts.tsx';
import { Header } from './header.tsx';

export type ConsoleProps = { readonly client: Client; readonly apiKey: string | undefined };

export function Console({ client, apiKey }: ConsoleProps) {
  const counts = useCounts(client, apiKey);
  return (
    <>
      <Header client={client} apiKey={apiKey} reading={counts.summary} />
      <main>
        <div className="opening">
          <h1>Who contributed, who built, who executed, and who earned.</h1>
          <LoopLine counts={counts.stages} />
          <Figures reading={counts.summary} />
        </div>
        {apiKey === undefined ? (
          <KeyForm />
        ) : (
          <>
            <Ask client={client} apiKey={apiKey} />
            <Receipts client={client} />
            <div className="pair">
              <TopEarners client={client} />
              <Runs client={client} />
            </div>
          </>
        )}
        <Books client={client} />
      </main>
      <footer>
        <p>
          Every number here comes from the API: <a href="/api/openapi.json">operations</a>,{' '}
          <a href="/metrics">metrics</a>.
        </p>
      </footer>
    </>
  );
}
