import type { Purpose } from '@openledger/protocol';
import { OpenLedgerError } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { OPEN_LICENCES } from '../checks/licence.ts';
import { knownLicences, termsOf } from './licences.ts';
import {
  assertRights,
  conflictOf,
  describeGroup,
  faultOfUse,
  licenceUrls,
  permits,
  type RightsGroup,
} from './rights.ts';

const group = (licence: string, purposes?: readonly Purpose[]): RightsGroup => ({
  ...{ licence, purposes, records: 1, examples: [`record of ${licence}`] },
});
const faultOf = (licences: readonly string[], purposes: readonly Purpose[] = ['train']) =>
  faultOfUse([{ purposes, groups: licences.map((licence) => group(licence)) }]);
const conflict = (a: string, b: string) => faultOf([a, b])?.kind === 'mixing';

test('what a datanet takes by default may be trained on, retrieved and sold, all of it together', () => {
  expect(faultOf(OPEN_LICENCES, ['train', 'retrieve', 'commercial'])).toBe(undefined);
});

test.each([
  ['MIT', ['train', 'retrieve', 'commercial']],
  ['CC-BY-NC-4.0', ['train', 'retrieve']],
  ['CC-BY-NC-SA-4.0', ['train', 'retrieve']],
  ['CC-BY-ND-4.0', ['retrieve', 'commercial']],
  ['CC-BY-NC-ND-4.0', ['retrieve']],
  ['CC-BY-NC-4.0 OR CC-BY-ND-4.0', ['train', 'retrieve', 'commercial']],
  ['CC-BY-NC-4.0 AND CC-BY-ND-4.0', ['retrieve']],
  ['GPL-2.0-only WITH Classpath-exception-2.0', ['train', 'retrieve', 'commercial']],
  ['LicenseRef-ours', []],
  ['MIT AND LicenseRef-ours', []],
  ['not an expression', []],
])('%s permits %j', (licence, purposes) => {
  expect(describeGroup(group(licence)).permits).toEqual(purposes);
});

test('a choice is made once: nobody trains under one side of it and sells under the other', () => {
  const either = { licence: 'CC-BY-NC-4.0 OR CC-BY-ND-4.0', purposes: undefined };
  expect(permits(either, ['train'])).toBe(true);
  expect(permits(either, ['train', 'commercial'])).toBe(false);
});

test('a contributor may allow less than the licence, never more', () => {
  expect(permits(group('MIT', ['retrieve']), ['retrieve'])).toBe(true);
  expect(permits(group('MIT', ['retrieve']), ['train'])).toBe(false);
  expect(permits(group('CC-BY-NC-4.0', ['train', 'commercial']), ['train', 'commercial'])).toBe(
    false,
  );
});

test.each([
  ['CC-BY-SA-4.0', 'CC-BY-NC-SA-4.0'],
  ['CC-BY-SA-4.0', 'CC-BY-NC-4.0'],
  ['CC-BY-SA-4.0', 'GPL-2.0-only'],
  ['CC-BY-SA-4.0', 'ODbL-1.0'],
  ['GPL-2.0-only', 'GPL-3.0-only'],
  ['GPL-2.0-only', 'Apache-2.0'],
  ['GPL-3.0-only', 'CC-BY-NC-4.0'],
  ['GFDL-1.3-only', 'CC-BY-SA-3.0'],
])('%s and %s cannot be mixed', (a, b) => {
  expect([conflict(a, b), conflict(b, a)]).toEqual([true, true]);
});

test.each([
  ['CC-BY-SA-3.0', 'CC-BY-SA-4.0'],
  ['CC-BY-SA-4.0', 'GPL-3.0-only'],
  ['CC-BY-SA-4.0', 'MIT'],
  ['CC-BY-NC-4.0', 'CC-BY-NC-SA-4.0'],
  ['CC-BY-NC-4.0', 'CC-BY-4.0'],
  ['GPL-2.0-or-later', 'GPL-3.0-only'],
  ['GPL-2.0-or-later', 'AGPL-3.0-only'],
  ['GPL-3.0-only', 'Apache-2.0'],
  ['GPL-2.0-only', 'MPL-2.0 OR Apache-2.0'],
])('%s and %s can', (a, b) => {
  expect([conflict(a, b), conflict(b, a)]).toEqual([false, false]);
});

test('every licence mixes with itself and with what is free', () => {
  for (const id of knownLicences().filter((one) => permits(group(one), ['train']))) {
    expect([id, faultOf([id, id, 'CC0-1.0'])]).toEqual([id, undefined]);
  }
});

test('refusals name licences, purposes and records', () => {
  const refusal = (act: () => void) => {
    try {
      act();
    } catch (error) {
      if (error instanceof OpenLedgerError) return error;
    }
    throw new Error('It was not refused.');
  };
  const sale = { purposes: ['train', 'commercial'] as const, groups: [group('CC-BY-NC-4.0')] };
  expect(refusal(() => assertRights([sale]))).toMatchObject({
    code: 'purpose_not_licensed',
    message: '1 record under CC-BY-NC-4.0 may not be used for this purpose: commercial.',
    details: { purposes: ['commercial'], records: ['record of CC-BY-NC-4.0'] },
  });
  const groups = [group('MIT'), group('CC-BY-SA-4.0'), group('ODbL-1.0')];
  expect(refusal(() => assertRights([{ purposes: ['train'], groups }]))).toMatchObject({
    code: 'licences_conflict',
    details: {
      licences: ['CC-BY-SA-4.0', 'ODbL-1.0'],
      records: [['record of CC-BY-SA-4.0'], ['record of ODbL-1.0']],
    },
  });
});

test('a model and the context beside it are one work', () => {
  const model = { purposes: ['train'] as const, groups: [group('GPL-2.0-only')] };
  const context = { purposes: ['retrieve'] as const, groups: [group('CC-BY-SA-4.0')] };
  expect(faultOfUse([model])).toBe(undefined);
  expect(faultOfUse([model, context])?.kind).toBe('mixing');
});

test('says whether names must be given and whether adaptations are bound, and where to read it', () => {
  const attribution = (licence: string) => describeGroup(group(licence)).attribution;
  const shareAlike = (licence: string) => describeGroup(group(licence)).shareAlike;
  expect(['CC0-1.0', 'MIT', 'MIT OR CC0-1.0', 'MIT AND CC0-1.0'].map(attribution)).toEqual([
    ...[false, true, false, true],
  ]);
  expect(['MIT', 'CC-BY-SA-4.0', 'MIT OR GPL-3.0-only'].map(shareAlike)).toEqual([
    ...[false, true, false],
  ]);
  expect(conflictOf([group('ODbL-1.0'), group('CC-BY-ND-4.0')])).toBe(undefined);
  expect(conflictOf([group('ODbL-1.0'), group('GPL-3.0-only')])?.licences).toEqual([
    ...['ODbL-1.0', 'GPL-3.0-only'],
  ]);
  expect(licenceUrls('CC-BY-2.0-FR OR MIT')).toEqual([
    'https://creativecommons.org/licenses/by/2.0/fr/',
    'https://spdx.org/licenses/MIT.html',
  ]);
  expect(termsOf('LicenseRef-ours')).toBe(undefined);
});
