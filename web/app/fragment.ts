/** The address bar's fragment as named values, `#receipt=rct_...`: what is shown can be linked, and reaches no server. */
import { useSyncExternalStore } from 'react';

/** The value that stands in the fragment under a name, kept up to date. */
export function useFragment(name: string): string | undefined {
  return useSyncExternalStore(subscribe, () => readFragment(name));
}

export const readFragment = (name: string): string | undefined =>
  valuesOf(window.location.hash).get(name) ?? undefined;

/** Puts a value into the fragment, or takes it out. `replace` leaves no trace in the history. */
export function writeFragment(
  name: string,
  value: string | undefined,
  { replace = false }: { readonly replace?: boolean } = {},
): void {
  const values = valuesOf(window.location.hash);
  if (value === undefined) values.delete(name);
  else values.set(name, value);
  const { pathname, search } = window.location;
  const hash = values.size > 0 ? `#${values}` : '';
  const address = `${pathname}${search}${hash}`;
  if (replace) window.history.replaceState(null, '', address);
  else window.history.pushState(null, '', address);
  window.dispatchEvent(new Event('hashchange'));
}

const valuesOf = (hash: string): URLSearchParams => new URLSearchParams(hash.replace(/^#/, ''));

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed);
  window.addEventListener('popstate', changed);
  return () => {
    window.removeEventListener('hashchange', changed);
    window.removeEventListener('popstate', changed);
  };
}
