import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findPersonalData, objectToPersonalData, redactPersonalData } from './personal-data.ts';

const kindsIn = (text: string) => findPersonalData(text).map(({ kind }) => kind);
const redact = (text: string) => redactPersonalData(text)?.text;

/** None is anybody's: published examples, and addresses under a domain that there is not. */
const someone = 'inger@holm.kivik';
const data: readonly (readonly [string, string])[] = [
  ['email', someone],
  ['email', 'Inger.Holm+tides@mail.co.kivik'],
  ['email', 'jörg@müller.kivik'],
  ['phone', '+49 170 1234567'],
  ['phone', '+46 (0)70-123 45 67'],
  ['phone', '+4917012345678'],
  ['phone', '+1 (212) 736-5000'],
  ['iban', 'DE89 3704 0044 0532 0130 00'],
  ['iban', 'GB82WEST12345698765432'],
  ['card', '4111 1111 1111 1111'],
  ['card', '5555555555554444'],
  ['card', '3782-822463-10005'],
  ['national_id', '529.982.247-25'],
  ['national_id', 'RSSMRA85T10A562S'],
];

test('finds each kind at the beginning, in the middle and at the end of a line', () => {
  for (const [kind, datum] of data) {
    for (const text of [
      datum,
      `Ask ${datum}, or not.`,
      `(${datum})`,
      `a\n${datum}\nb`,
      `${datum}.`,
    ]) {
      expect([text, kindsIn(text)]).toEqual([text, [kind]]);
    }
  }
});

test('a wrong check digit makes it no IBAN, no card and no national id', () => {
  for (const text of [
    'DE88 3704 0044 0532 0130 00',
    'DE89 3704 0044 0532 0130 0',
    'ZZ89 3704 0044 0532 0130 00',
    '4111 1111 1111 1112',
    '529.982.247-26',
    '111.111.111-11',
    'RSSMRA85T10A562T',
  ]) {
    expect([text, kindsIn(text)]).toEqual([text, []]);
  }
});

test('leaves examples, versions, files, accounts of machines and plain numbers alone', () => {
  for (const text of [
    'user@example.com, user@mail.example.org, me@host.test, you@nowhere.invalid, root@localhost',
    'npm i lodash@4.17.21 zod@4.1.0-beta.rc @types/node@20.19.9 foo@latest',
    'logo@2x.png, icon@3x.webp',
    'git clone git@github.com:ada/engine.git',
    'https://ada@host.org/x and postgres://ada:secret@db.internal.net/books',
    '@app.route, @param, @@ -1,5 +10,6 @@',
    '+1 202 555 0143', // for fiction
    '+1 2 3 4 5 6 7 8 9 and +12.34567890 and 1+4917012345678',
    '2026-11-25T20:52:58+0100, 1609459200000, 192.168.178.201, 0.4111111111111111',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    't[s]+4294967296*t[s+2] and (31&t)+1099511627776, `ltrace -e malloc+free-@libc.so*`',
    'ISBN 978-3-16-148410-0, 10.1000/182, U+1F600',
  ]) {
    expect([text, kindsIn(text)]).toEqual([text, []]);
  }
});

test('names the kind and the line, and not the datum', () => {
  expect(objectToPersonalData(`One.\nTwo: ${someone}\n`)).toEqual({
    reason: 'personal_data',
    message: 'Line 2 of the text holds what looks like an e-mail address.',
  });
});

test('redacting puts the kind in the place of each datum, and counts them', () => {
  const text = `Write to ${someone} or call +49 170 1234567.\r\nIBAN DE89 3704 0044 0532 0130 00\n`;
  expect(redactPersonalData(text)).toEqual({
    text: 'Write to [e-mail] or call [phone].\r\nIBAN [iban]\n',
    counts: { email: 1, phone: 1, iban: 1 },
  });
});

test('of two IBANs in a row both are found', () => {
  const two = 'DE89 3704 0044 0532 0130 00 GB82 WEST 1234 5698 7654 32';
  expect(redact(two)).toBe('[iban] [iban]');
});

/** Data and what is nearly some, with and without something between. */
const entangled = fc
  .array(
    fc.oneof(
      fc.constantFrom(...data.map(([, datum]) => datum)),
      fc.constantFrom(
        '+',
        '@',
        '.',
        ' ',
        '\n',
        '-',
        ']',
        '[',
        'a',
        'AB12',
        '4111',
        '00 ',
        '.kivik',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

test('redacting leaves nothing to find, keeps the number of lines, and changes nothing the second time', () => {
  fc.assert(
    fc.property(entangled, (text) => {
      const once = redactPersonalData(text);
      if (!once) return; // refused
      expect(findPersonalData(once.text)).toEqual([]);
      expect(once.text.split('\n').length).toBe(text.split('\n').length);
      expect(once.text.endsWith('\n')).toBe(text.endsWith('\n'));
      expect(redactPersonalData(once.text)).toEqual({ text: once.text, counts: {} });
    }),
    { numRuns: 2000 },
  );
});

test('what is found is in order and apart, whatever the text', () => {
  fc.assert(
    fc.property(entangled, (text) => {
      let free = 0;
      for (const { start, end } of findPersonalData(text)) {
        expect(start).toBeGreaterThanOrEqual(free);
        expect(end).toBeGreaterThan(start);
        expect(text.slice(start, end)).not.toContain('\n');
        free = end;
      }
      expect(free).toBeLessThanOrEqual(text.length);
    }),
  );
});

test('takes linear time on text made to prevent it', () => {
  const parts = [
    '@',
    'a@',
    'a@b.',
    'a@b.cd',
    'a.',
    '+',
    '+1',
    '+1 ',
    '1 ',
    '1',
    '1234 ',
    '1-',
    'AB12',
    'A1 ',
    '://a@',
  ];
  const startedAt = performance.now();
  for (const part of parts) redactPersonalData(part.repeat(Math.floor(1_000_000 / part.length)));
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});
