import { OpenLedgerError, parseAddress, type partyKinds } from '@openledger/protocol';

export type PartyKind = (typeof partyKinds)[number];

/** An identity in its one spelling, so that a party has one row. */
export type ParsedIdentity = { readonly identity: string; readonly kind: PartyKind };

const asIs = (name: string): string => name;
const lowerCase = (name: string): string => name.toLowerCase();

/** What the name after the colon may be, and how it is spelled: lower case where case means nothing. */
const names: {
  readonly [K in PartyKind]: { readonly spell: (name: string) => string; readonly name: RegExp };
} = {
  eip155: { spell: parseAddress, name: /^0x[0-9a-f]{40}$/ },
  // Names from before npm's lower-case rule still exist and differ by case.
  'npm-package': {
    spell: asIs,
    name: /^(?:@[a-zA-Z0-9~_-][\w.~-]{0,100}\/)?[a-zA-Z0-9~_-][\w.~-]{0,213}$/,
  },
  npm: { spell: lowerCase, name: /^[a-z0-9_-][a-z0-9._-]{0,99}$/ },
  git: { spell: asIs, name: /^[0-9a-f]{64}$/ },
  github: { spell: lowerCase, name: /^[a-z0-9][a-z0-9-]{0,38}(?:\[bot\])?$/ },
  handle: {
    spell: asIs,
    name: /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} ._@+'-]{0,98}[\p{L}\p{N}\p{M}])?$/u,
  },
  // Parties of this installation itself. No import can name them.
  local: { spell: asIs, name: /^[a-z][a-z0-9-]{0,40}$/ },
};

/** @throws invalid_input unless the text is `<kind>:<name>` with a name that the kind allows */
export function parseIdentity(text: string): ParsedIdentity {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  if (isPartyKind(kind)) {
    const name = names[kind].spell(text.slice(colon + 1));
    if (names[kind].name.test(name) && name === name.normalize('NFC')) {
      return { identity: `${kind}:${name}`, kind };
    }
  }
  const kinds = Object.keys(names).join(', ');
  throw new OpenLedgerError(
    'invalid_input',
    `"${text.slice(0, 80)}" is not an identity: expected one of ${kinds}, a colon and a name.`,
    { identity: text.slice(0, 300) },
  );
}

const isPartyKind = (kind: string): kind is PartyKind => Object.hasOwn(names, kind);
