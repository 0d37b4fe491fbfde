/**
 * Personal data: addresses and numbers that lead to one person.
 *
 * Only what can be told by its form: e-mail addresses, international phone numbers, IBANs, payment cards and two national
 * ids, the last three by their check digits. What is reserved for examples (RFC 2606, fictitious phone numbers) is nobody's.
 * Names and places of living are not found.
 *
 * Linear in the text: every search begins at a mark and looks a bounded length to each side. No match holds a line feed.
 */
import type { PersonalDataCounts, PersonalDataKind } from '@openledger/protocol';
import type { Objection } from './candidate.ts';

export type PersonalDatum = {
  readonly kind: PersonalDataKind;
  readonly start: number;
  readonly end: number;
};

/** In order, none overlapping another; of those that would, the first, and of these the longest. */
export function findPersonalData(text: string): readonly PersonalDatum[] {
  const all = finders.flatMap((find) => [...find(text)]);
  const found: PersonalDatum[] = [];
  let free = 0;
  for (const one of all.sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (one.start < free) continue;
    found.push(one);
    free = one.end;
  }
  return found;
}

export function objectToPersonalData(text: string): Objection | undefined {
  const [first] = findPersonalData(text);
  if (!first) return undefined;
  const line = text.slice(0, first.start).split('\n').length;
  return {
    reason: 'personal_data',
    message: `Line ${line} of the text holds what looks like ${names[first.kind]}.`,
  };
}

const names: Readonly<Record<PersonalDataKind, string>> = {
  email: 'an e-mail address',
  phone: 'a phone number',
  iban: 'an IBAN',
  card: 'the number of a payment card',
  national_id: "a person's national number",
};

export type Redacted = { readonly text: string; readonly counts: PersonalDataCounts };

/**
 * Puts the name of its kind for each datum. What is left holds none, and as many lines as before.
 *
 * What stood beside a datum may look like one once that is gone, so the search is repeated.
 *
 * @returns undefined for a text made so that this takes no end
 */
export function redactPersonalData(text: string): Redacted | undefined {
  let left = text;
  let counts: PersonalDataCounts = {};
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = findPersonalData(left);
    if (found.length === 0) return { text: left, counts };
    left = replaced(left, found);
    counts = addCounts(counts, countKinds(found));
  }
  return undefined;
}

const MOST_ROUNDS = 8;

const placeholders: Readonly<Record<PersonalDataKind, string>> = {
  email: '[e-mail]',
  phone: '[phone]',
  iban: '[iban]',
  card: '[card]',
  national_id: '[national id]',
};

function replaced(text: string, found: readonly PersonalDatum[]): string {
  const pieces: string[] = [];
  let from = 0;
  for (const { kind, start, end } of found) {
    pieces.push(text.slice(from, start), placeholders[kind]);
    from = end;
  }
  return pieces.join('') + text.slice(from);
}

export function countKinds(found: readonly Pick<PersonalDatum, 'kind'>[]): PersonalDataCounts {
  const counts: Partial<Record<PersonalDataKind, number>> = {};
  for (const { kind } of found) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

export function addCounts(a: PersonalDataCounts, b: PersonalDataCounts): PersonalDataCounts {
  const sum = { ...a };
  for (const [kind, count] of Object.entries(b) as [PersonalDataKind, number][]) {
    sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

type Find = (text: string) => Iterable<PersonalDatum>;

const LONGEST_LOCAL = 64;
const LOCAL = /[\p{L}\p{N}._%+'-]{0,63}[\p{L}\p{N}_]$/u;
const DOMAIN = /(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,8}\p{L}{2,24}/uy;

/** From each `@`, back over what may stand before it and on over a domain. */
function* findEmails(text: string): Generator<PersonalDatum> {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    const before = text.slice(Math.max(0, at - LONGEST_LOCAL), at);
    const local = domain && LOCAL.exec(before)?.[0].replace(/^[.%+'-]{1,64}/, '');
    if (!domain || !local || !isMailbox(local, domain)) continue;
    const start = at - local.length;
    if (isUserOfUrl(text, start)) continue;
    yield { kind: 'email', start, end: at + 1 + domain.length };
  }
}

/** Neither reserved, nor a file (`logo@2x.png`), a version (`zod@4.1.0-beta.rc`) or a service (`git@github.com`). */
function isMailbox(local: string, domain: string): boolean {
  const name = domain.toLowerCase();
  return (
    local.toLowerCase() !== 'git' &&
    !/(?:^|\.)example\.(?:com|net|org)$|\.(?:test|example|invalid|localhost)$/.test(name) &&
    !/^v?\d{1,9}\.\d/.test(name) &&
    !FILE_ENDING.test(name)
  );
}

const FILE_ENDING =
  /\.(?:png|jpe?g|gif|svg|webp|ico|[cm]?jsx?|[cm]?tsx?|css|json|html?|xml|ya?ml|txt|pdf|exe|tgz)$/;

/** `https://user@host/` and `postgres://user:password@host/` name an account of a machine. */
function isUserOfUrl(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - LONGEST_LOCAL), start);
  const scheme = before.lastIndexOf('://');
  return scheme >= 0 && !/[\s/]/.test(before.slice(scheme + 3));
}

const PHONE = /(?<![\p{L}\p{N}_+)\]])\+[1-9](?:[ \u00a0./()-]{0,2}[0-9]){7,14}(?![\p{L}\p{N}_])/gu;

/** E.164: a plus sign, and 8 to 15 digits with the country's code first. Behind a bracket it is a sum. */
function* findPhones(text: string): Generator<PersonalDatum> {
  for (const { 0: number, index } of text.matchAll(PHONE)) {
    const groups = number.replace('(0)', ' ').match(/[0-9]+/g) ?? [];
    const isCounting = groups.slice(1).some((group) => group.length < 2); // +1 2 3 4
    const isDecimal = /^\+[0-9]+\.[0-9]+$/.test(number);
    // North America keeps the numbers 555-0100 to 555-0199 for fiction.
    const isFictitious = /^1[0-9]{3}55501[0-9]{2}$/.test(groups.join(''));
    if (isCounting || isDecimal || isFictitious) continue;
    yield { kind: 'phone', start: index, end: index + number.length };
  }
}

/** Lengths in the IBAN registry (SWIFT, ISO 13616). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  [
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18',
    'FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20',
    'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24',
    'SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20',
  ]
    .join(' ')
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const IBAN_HEAD = /(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}/g;

function* findIbans(text: string): Generator<PersonalDatum> {
  for (const { 0: head, index } of text.matchAll(IBAN_HEAD)) {
    const end = endOfIban(text, index, IBAN_LENGTHS.get(head.slice(0, 2)) ?? 0);
    if (end === undefined || /[A-Za-z0-9]/.test(text.charAt(end))) continue;
    if (isIban(text.slice(index, end))) yield { kind: 'iban', start: index, end };
  }
}

/** Behind so many letters and digits, of which any two may have one space or hyphen between them. */
function endOfIban(text: string, start: number, characters: number): number | undefined {
  let seen = 0;
  for (let i = start; seen < characters && i < text.length; i++) {
    if (/[A-Z0-9]/.test(text[i])) seen += 1;
    else if (!/[ \u00a0-][A-Z0-9]/.test(text.slice(i, i + 2))) return undefined;
    if (seen === characters) return i + 1;
  }
  return undefined;
}

/** ISO 7064, MOD 97-10: country and check digits go to the end, letters count from 10, and the rest is 1. */
function isIban(iban: string): boolean {
  const compact = iban.replace(/[^A-Z0-9]/g, '');
  const turned = compact.slice(4) + compact.slice(0, 4);
  let rest = 0;
  for (const character of turned) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

const CARD =
  /(?<![\w.,+-])(?:[0-9]{14,16}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?!\w|[.,-][0-9])/g;
/** What a number begins with, by its length: Diners Club; American Express; Visa, Mastercard, Discover, JCB and UnionPay. */
const ISSUERS: Readonly<Record<number, RegExp>> = {
  14: /^3(?:0[0-5]|[689])/,
  15: /^3[47]/,
  16: /^(?:4|5[1-5]|2[2-7]|35|6011|62|64[4-9]|65)/,
};

function* findCards(text: string): Generator<PersonalDatum> {
  for (const { 0: number, index } of text.matchAll(CARD)) {
    const digits = number.replace(/[ -]/g, '');
    if (!ISSUERS[digits.length].test(digits) || !isLuhn(digits)) continue;
    yield { kind: 'card', start: index, end: index + number.length };
  }
}

/** ISO/IEC 7812-1, annex B. */
function isLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

const CPF = /(?<![\w.,-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w]|[.-][0-9])/g;
const CODICE_FISCALE =
  /(?<![A-Za-z0-9])[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![A-Za-z0-9])/g;

/** Brazil's CPF as it is written, by both its check digits, and Italy's codice fiscale by its check letter. */
function* findNationalIds(text: string): Generator<PersonalDatum> {
  for (const { 0: id, index } of text.matchAll(CPF)) {
    if (isCpf(id.replace(/[.-]/g, '')))
      yield { kind: 'national_id', start: index, end: index + id.length };
  }
  for (const { 0: id, index } of text.matchAll(CODICE_FISCALE)) {
    if (isCodiceFiscale(id)) yield { kind: 'national_id', start: index, end: index + id.length };
  }
}

function isCpf(digits: string): boolean {
  if (/^(.)\1*$/.test(digits)) return false; // 111.111.111-11 fulfils the formula and is never given out
  const checkOf = (length: number) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Number(digits[i]) * (length + 1 - i);
    return ((sum * 10) % 11) % 10;
  };
  return checkOf(9) === Number(digits[9]) && checkOf(10) === Number(digits[10]);
}

/** What a character counts at odd places, from 1: digits, then letters (decree of 23 December 1976). */
const AT_ODD_PLACES = [
  ...[1, 0, 5, 7, 9, 13, 15, 17, 19, 21],
  ...[1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
];

function isCodiceFiscale(id: string): boolean {
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const value = Number.parseInt(id[i], 36);
    if (i % 2 === 0) sum += AT_ODD_PLACES[value];
    else sum += value > 9 ? value - 10 : value;
  }
  return sum % 26 === id.charCodeAt(15) - 65;
}

const finders: readonly Find[] = [findEmails, findPhones, findIbans, findCards, findNationalIds];
