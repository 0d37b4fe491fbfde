/** The caller's API key. It comes in the fragment (`#key=ol_...`), leaves the address bar at once, and lasts as long as the tab. */
import { useSyncExternalStore } from 'react';
import { readFragment, writeFragment } from '../app/fragment.ts';

const STORED = 'openledger.key';
const CHANGED = 'openledger:key';

export function useApiKey(): string | undefined {
  return useSyncExternalStore(subscribe, readKey);
}

export function rememberKey(secret: string): void {
  window.sessionStorage.setItem(STORED, secret.trim());
  window.dispatchEvent(new Event(CHANGED));
}

export function forgetKey(): void {
  window.sessionStorage.removeItem(STORED);
  window.dispatchEvent(new Event(CHANGED));
}

const readKey = (): string | undefined => window.sessionStorage.getItem(STORED) ?? undefined;

function takeFromAddress(): void {
  const secret = readFragment('key');
  if (secret === undefined) return;
  writeFragment('key', undefined, { replace: true });
  if (secret !== '') rememberKey(secret);
}

function subscribe(changed: () => void): () => void {
  takeFromAddress();
  window.addEventListener(CHANGED, changed);
  window.addEventListener('hashchange', takeFromAddress);
  return () => {
    window.removeEventListener(CHANGED, changed);
    window.removeEventListener('hashchange', takeFromAddress);
  };
}
