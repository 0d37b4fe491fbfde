/** Asks for an API key. */
import { useState } from 'react';
import { rememberKey } from './api-key.ts';

export function KeyForm() {
  const [secret, setSecret] = useState('');
  return (
    <form
      className="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (secret.trim()) rememberKey(secret);
      }}
    >
      <label htmlFor="api-key">
        <strong>Your API key</strong>{' '}
        <span>
          shows receipts, earnings and models, and lets you ask. It stays in this tab. The server
          printed one when it started.
        </span>
      </label>
      <div className="key-row">
        <input
          id="api-key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="ol_…"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
        <button type="submit">Use key</button>
      </div>
    </form>
  );
}
