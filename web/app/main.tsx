/** The console begins here. */
import './without-eval.ts';
import { createClient } from '@openledger/sdk';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { useApiKey } from '../identity/api-key.ts';
import { Console } from './console.tsx';
import './tokens.css';
import './page.css';
import '../identity/identity.css';
import '../insights/insights.css';
import '../gateway/gateway.css';
import '../receipts/receipts.css';
import '../receipts/verify-panel.css';
import '../fees/fees.css';
import '../ledger/ledger.css';
import '../models/models.css';

/** Another key is another caller: everything is read anew. */
function Page() {
  const apiKey = useApiKey();
  const client = createClient({ baseUrl: window.location.origin, apiKey });
  return <Console key={apiKey ?? 'public'} client={client} apiKey={apiKey} />;
}

const root = document.getElementById('root');
if (!root) throw new Error('The page has no place for the console.');
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
