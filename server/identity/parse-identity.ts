import { OpenLedgerError, type partyKinds } from '@openledger/protocol';

export type PartyKind = (typeof partyKinds)[number];

/** An identity in its one spelling, so that a party has one row. */
export type ParsedIdentity = { readonly identity: string; readonly kind: PartyKind };

/** What the name after the colon may be, and whether its case means nothing. */
const names: { readonly [K in PartyKind]: { readonly name: RegExp; readonly foldsCase: boolean } } =
  {
    eip155: { name: /^0x[0-9a-f]{40}$/, foldsCase: true },
    // Names from before npm's lower-case rule still exist and differ by case.
    'npm-package': {
      name: /^(?:@[a-zA-Z0-9~_-][\w.~-]{0,100}\/)?[a-zA-Z0-9~_-][\w.~-]{0,213}$/,
      foldsCase: false,
    },
    npm: { name: /^[a-z0-9_-][a-z0-9._-]{0,99}$/, foldsCase: true },
    git: { name: /^[0-9a-f]{64}$/, foldsCase: false },
    github: { name: /^[a-z0-9](?:[a-z0-9-]{0,38})(?:\[bot\])?$/, foldsCase: true },
    handle: {
      name: /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} ._@+'-]{0,98}[\p{L}\p{N}\p{M}])?$/u,
      foldsCase: false,
    },
    // Parties of this installation itself. No import can name them.
    local: { name: /^[a-z][a-z0-9-]{0,40}$/, foldsCase: false },
  };

/** @throws invalid_input unless the text is `<kind>:<name>` with a name that the kind allows */
export function parseIdentity(text: string): ParsedIdentity {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  if (colon > 0 && isPartyKind(kind)) {
    const given = text.slice(colon + 1);
    const name = names[kind].foldsCase ? given.toLowerCase() : given;
    if (names[kind].name.test(name) && name === name.normalize('NFC')) {
      return { identity: `${kind}:${name}`, kind };
    }
  }
  throw new OpenLedgerError(
    'invalid_input',
    `"${text.slice(0, 80)}" is not an identity: expected ${Object.keys(names).join(', ')}, a colon and a name.`,
    { identity: text.slice(0, 300) },
  );
}

const isPartyKind = (kind: string): kind is PartyKind => Object.hasOwn(names, kind);
