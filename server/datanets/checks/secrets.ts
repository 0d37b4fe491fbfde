/**
 * Secrets: what must not be published by accident.
 *
 * Linear in the text: words are found once, each is then judged by patterns that are anchored at its beginning, and
 * what follows an assignment is looked at for a bounded length.
 */
import type { Check } from './candidate.ts';

export const checkSecrets: Check = ({ text }) => {
  const found = findSecret(text);
  if (!found) return undefined;
  const line = text.slice(0, found.at).split('\n').length;
  return {
    reason: 'secret',
    message: `Line ${line} of the text holds what looks like ${found.what}.`,
  };
};

type Found = { readonly at: number; readonly what: string };

export function findSecret(text: string): Found | undefined {
  return findPrivateKey(text) ?? findToken(text) ?? findAssignment(text);
}

/** The header alone is often quoted in documentation; a secret has a body too. */
function findPrivateKey(text: string): Found | undefined {
  const header = /-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----/g;
  for (const match of text.matchAll(header)) {
    const body = text.slice(match.index + match[0].length, match.index + 400);
    if (/[A-Za-z0-9+/]{48}/.test(body)) return { at: match.index, what: 'a private key' };
  }
  return undefined;
}

const tokens: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'an AWS access key', pattern: /^(?:AKIA|ASIA)[A-Z2-7]{16}$/ },
  { what: 'a GitHub token', pattern: /^gh[pousr]_[A-Za-z0-9]{36,255}$/ },
  { what: 'a GitHub token', pattern: /^github_pat_[A-Za-z0-9_]{60,255}$/ },
  { what: 'a Slack token', pattern: /^xox[abeprs]-[0-9]{6,}-[A-Za-z0-9-]{16,}$/ },
  { what: 'an API key', pattern: /^sk-(?:proj-|ant-)?[A-Za-z0-9_-]{40,255}$/ },
  { what: 'an npm token', pattern: /^npm_[A-Za-z0-9]{36}$/ },
  {
    what: 'a JSON web token',
    pattern: /^eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}$/,
  },
];

function findToken(text: string): Found | undefined {
  for (const { 0: word, index } of text.matchAll(/[A-Za-z0-9_.-]{16,}/g)) {
    if (word.endsWith('EXAMPLE')) continue; // how AWS marks the keys of its documentation
    const bare = word.replace(/\.$/, '');
    const token = tokens.find(({ pattern }) => pattern.test(bare));
    if (token && variety(bare) >= 8) return { at: index, what: token.what };
  }
  return undefined;
}

const ASSIGNMENT =
  /(?:passwo?r?d|passwd|secret|token|api_?key|access_?key|private_?key)['"]?[ \t]{0,4}[:=]{1,2}[ \t]{0,4}['"]?/gi;
const VALUE = /[A-Za-z0-9+/_=-]{24,128}/y;

/** A name that means a secret, and a value that nobody types: letters of both cases, digits, and 4 bits a character. */
function findAssignment(text: string): Found | undefined {
  for (const { 0: name, index } of text.matchAll(ASSIGNMENT)) {
    VALUE.lastIndex = index + name.length;
    const value = VALUE.exec(text)?.[0];
    if (!value || !/[a-z]/.test(value) || !/[A-Z]/.test(value)) continue;
    const digits = value.match(/[0-9]/g)?.length ?? 0;
    if (digits >= 3 && entropyOf(value) >= 4)
      return { at: index, what: 'a secret in an assignment' };
  }
  return undefined;
}

const variety = (word: string): number => new Set(word).size;

/** Shannon entropy of a word's characters, in bits a character. */
function entropyOf(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce(
    (bits, count) => bits - (count / word.length) * Math.log2(count / word.length),
    0,
  );
}
