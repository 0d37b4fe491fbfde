import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newSpanId, traceHeaders, traceOf } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const parent = `00-${TRACE}-${SPAN}-01`;

test('a request joins the trace that it names', () => {
  expect(traceOf(parent, undefined)).toEqual({
    ...{ traceId: TRACE, parentId: SPAN, sampled: true, state: undefined },
  });
  expect(traceOf(`00-${TRACE}-${SPAN}-00`, undefined).sampled).toBe(false);
});

test.each([
  ['nothing', undefined],
  ['an empty header', ''],
  ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['the version ff', `ff-${TRACE}-${SPAN}-01`],
  ['a short version', `0-${TRACE}-${SPAN}-01`],
  ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['a long trace', `00-${TRACE}0-${SPAN}-01`],
  ['a short parent', `00-${TRACE}-${SPAN.slice(1)}-01`],
  ['no flags', `00-${TRACE}-${SPAN}`],
  ['flags that are not hexadecimal', `00-${TRACE}-${SPAN}-0x`],
  ['more than version 00 has', `${parent}-00`],
  ['a stray hyphen', `${parent}-`],
  ['two headers in one', `${parent}, ${parent}`],
  ['a blank before it', ` ${parent}`],
  ['a line break behind it', `${parent}\n`],
  ['a later version that goes on without a hyphen', `cc-${TRACE}-${SPAN}-01.what`],
])('%s starts a new trace, and takes no state from the old one', (_, header) => {
  const trace = traceOf(header, 'vendor=1');
  expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(trace.traceId).not.toBe(TRACE);
  expect(trace).toMatchObject({ parentId: undefined, sampled: undefined, state: undefined });
});

test('a later version is read as far as it is known', () => {
  expect(traceOf(`cc-${TRACE}-${SPAN}-01-what.the.future`, undefined).traceId).toBe(TRACE);
  expect(traceOf(`cc-${TRACE}-${SPAN}-ff`, undefined).sampled).toBe(true);
});

test.each([
  'vendor=1',
  'a=1,b=2',
  'a=1, \tb=2 ,,c=3',
  'tenant@vendor=x y',
  '1tenant@v=:;-',
  `${'k'.repeat(256)}=${'v'.repeat(256)}`,
  Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(','),
])('the state %s is kept as it is', (state) => {
  expect(traceOf(parent, state).state).toBe(state);
});

test.each([
  '',
  ',',
  'a',
  'a=',
  '=1',
  'A=1',
  'a b=1',
  '1a=1',
  'a=1=2',
  'a=é',
  'a@b@c=1',
  'tenant@1v=1',
  `${'k'.repeat(257)}=1`,
  `a=${'v'.repeat(257)}`,
  Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
])('the state %j is dropped, and the trace goes on', (state) => {
  expect(traceOf(parent, state)).toMatchObject({ traceId: TRACE, state: undefined });
});

test('whatever comes in, what goes out is well-formed and joins the same trace', () => {
  const headers = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f-]{55}$/), fc.constant(parent));
  fc.assert(
    fc.property(headers, fc.string(), fc.boolean(), (traceparent, tracestate, sampled) => {
      const trace = traceOf(traceparent, tracestate);
      const sent = traceHeaders(trace, { spanId: newSpanId(), sampled });
      const heard = traceOf(sent.traceparent, sent.tracestate);
      expect(heard).toEqual({ ...trace, parentId: sent.traceparent.slice(36, 52), sampled });
    }),
  );
});

test('each new trace and span has an id of its own', () => {
  const ids = Array.from({ length: 2000 }, () => [
    traceOf(undefined, undefined).traceId,
    newSpanId(),
  ]);
  expect(new Set(ids.flat()).size).toBe(4000);
});
