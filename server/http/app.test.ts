import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenLedgerError, type Operations, Units } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../identity/index.ts';
import type { Line } from '../platform/lines.ts';
import { createLog, silentLog } from '../platform/log.ts';
import { createHttp, type HttpParts } from './app.ts';
import { implement } from './implement.ts';
import { listen } from './listen.ts';

const operations = {
  add: {
    summary: 'Add a thing',
    method: 'POST',
    path: '/api/things/:shelf',
    scope: 'contribute',
    input: z.object({ shelf: z.string().max(5), amount: Units, note: z.string().optional() }),
    output: z.object({ shelf: z.string(), amount: Units }),
    status: 201,
  },
  find: {
    summary: 'Find things',
    method: 'GET',
    path: '/api/things/:shelf',
    scope: 'public',
    input: z.object({ shelf: z.string(), limit: z.coerce.number<number>().max(9).default(3) }),
    output: z.object({ shelf: z.string(), limit: z.number(), asker: z.string().optional() }),
  },
  latest: {
    summary: 'The latest',
    method: 'GET',
    path: '/api/things/latest',
    scope: 'public',
    input: z.object({}),
    output: z.object({ latest: z.literal(true) }),
  },
  upload: {
    summary: 'Upload lines',
    method: 'POST',
    path: '/api/things/:shelf/lines',
    scope: 'contribute',
    body: 'ndjson',
    input: z.object({ shelf: z.string() }),
    output: z.object({ lines: z.array(z.unknown()) }),
  },
  break: {
    summary: 'Break in a way',
    method: 'POST',
    path: '/api/breaks',
    scope: 'public',
    input: z.object({ way: z.enum(['bug', 'poor', 'shape', 'away']) }),
    output: z.object({ fine: z.literal(true) }),
  },
} as const satisfies Operations;

const routes = implement(operations, {
  add: async ({ shelf, amount }) => ({ shelf, amount, secret: 'never shown' }),
  find: async ({ shelf, limit }, { caller }) => ({ shelf, limit, asker: caller?.partyId }),
  latest: async () => ({ latest: true as const }),
  upload: async (_, { body }) => {
    const lines: Line[] = [];
    for await (const line of body) lines.push(line);
    return { lines };
  },
  break: async ({ way }) => {
    if (way === 'poor') {
      throw new OpenLedgerError('insufficient_funds', 'Too little.', { missing: 5n });
    }
    if (way === 'away') throw Object.assign(new Error('secret detail'), { code: '57P01' });
    if (way === 'bug') throw new Error('secret detail');
    return { fine: 'no' as unknown as true };
  },
});

const caller: Caller = {
  keyId: 'key_1',
  partyId: 'pty_1',
  scopes: ['contribute'],
  limitUnits: undefined,
  limits: undefined,
  models: undefined,
  expiresAt: undefined,
};
const parts: HttpParts = {
  routes,
  log: silentLog,
  authenticate: async (secret) =>
    secret === 'good' ? caller : secret === 'reader' ? { ...caller, scopes: ['read'] } : undefined,
};
const app = createHttp({ ...parts, limits: { jsonBytes: 100, lineBytes: 10, uploadBytes: 60 } });

const call = async (method: string, path: string, body?: BodyInit, key = 'good') => {
  const headers: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  const response = await app.request(path, { method, headers, body });
  return { status: response.status, headers: response.headers, json: await response.json() };
};
const codeOf = async (...args: Parameters<typeof call>) => {
  const { status, json } = await call(...args);
  expect(Object.keys(json)).toEqual(['error']);
  expect(Object.keys(json.error)).toEqual(['code', 'message', 'details']);
  return `${status} ${json.error.code}`;
};

test('what cannot be stored or followed is refused, wherever it stands', async () => {
  const roomy = createHttp(parts);
  const send = async (path: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = { authorization: 'Bearer good' };
    const response = await roomy.request(path, { method, headers, body });
    return `${response.status} ${(await response.json()).error.code}`;
  };
  const deep = `${'['.repeat(1e6)}${']'.repeat(1e6)}`;
  const bodies = ['"a\\u0000b"', '"\\ud800"', '{"a\\u0000":1}', deep].map(
    (note) => `{"note":${note}}`,
  );
  for (const body of bodies) expect(await send('/api/things/a', body)).toBe('400 invalid_input');
  expect(await send('/api/things/a%00')).toBe('400 invalid_input');
  expect(await send('/api/things/a?limit=%00')).toBe('400 invalid_input');
});

test('input goes in parsed, and only declared output comes out', async () => {
  const added = await call('POST', '/api/things/a', '{"amount":"7"}');
  expect(added).toMatchObject({ status: 201, json: { shelf: 'a', amount: '7' } });
  expect(added.json).not.toHaveProperty('secret');
  expect((await call('GET', '/api/things/b?limit=4', undefined, '')).json).toEqual({
    shelf: 'b',
    limit: 4,
  });
  expect((await call('GET', '/api/things/b')).json).toEqual({
    shelf: 'b',
    limit: 3,
    asker: 'pty_1',
  });
});

test('a literal path is never taken for a parameter', async () => {
  expect((await call('GET', '/api/things/latest')).json).toEqual({ latest: true });
});

test.each([
  ['malformed JSON', '{"amount":'],
  ['no JSON at all', 'amount=7'],
  ['an array', '[1]'],
  ['null', 'null'],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ['a wrong type', '{"amount":7}'],
  ['a negative amount', '{"amount":"-7"}'],
  ['a missing member', '{}'],
  ['a member that nobody reads', '{"amount":"7","amuont":"8"}'],
  ['a path parameter in the body', '{"amount":"7","shelf":"b"}'],
  ['__proto__', '{"amount":"7","__proto__":{"note":"x"}}'],
])('refuses %s as invalid input', async (_, body) => {
  expect(await codeOf('POST', '/api/things/a', body)).toBe('400 invalid_input');
});

test('says which member is wrong', async () => {
  const { json } = await call('POST', '/api/things/toolong', '{"amount":7}');
  expect(json.error.details.issues.map(({ path }: { path: string }) => path)).toEqual([
    'shelf',
    'amount',
  ]);
  expect(await codeOf('GET', '/api/things/a?limit=10')).toBe('400 invalid_input');
  expect(await codeOf('GET', '/api/things/a?limit=1&limit=2')).toBe('400 invalid_input');
});

test('refuses a body that is too large, announced or not', async () => {
  const large = `{"amount":"7","note":"${'x'.repeat(100)}"}`;
  expect(await codeOf('POST', '/api/things/a', large)).toBe('413 too_large');
  const response = await app.request('/api/things/a', {
    method: 'POST',
    headers: { authorization: 'Bearer good', 'content-length': '101' },
    body: '{}',
  });
  expect(response.status).toBe(413);
});

test('keys and scopes are looked at before anything else is', async () => {
  expect(await codeOf('POST', '/api/things/a', '{', '')).toBe('401 unauthorized');
  expect(await codeOf('POST', '/api/things/a', '{', 'bad')).toBe('401 unauthorized');
  expect(await codeOf('GET', '/api/things/a', undefined, 'bad')).toBe('401 unauthorized');
  expect(await codeOf('POST', '/api/things/a', '{', 'reader')).toBe('403 forbidden');
  expect((await call('POST', '/api/things/a', '{', '')).headers.get('www-authenticate')).toBe(
    'Bearer',
  );
});

test('an unknown path or method is not found', async () => {
  expect(await codeOf('GET', '/api/nothing')).toBe('404 not_found');
  expect(await codeOf('DELETE', '/api/things/a')).toBe('404 not_found');
  expect(await codeOf('GET', '/')).toBe('404 not_found');
});

test('while the database is away whoever asks is told to ask again, and the log has no bug', async () => {
  const lines: string[] = [];
  const logging = createHttp({ ...parts, log: createLog((line) => lines.push(line)) });
  const body = '{"way":"away"}';
  const response = await logging.request('/api/breaks', { method: 'POST', body });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await response.json()).toEqual({
    error: { code: 'unavailable', message: 'The database is away; ask again.', details: {} },
  });
  expect(lines.join('')).not.toContain('http.failed');
});

test('expected failures keep their facts; bugs keep them to the log', async () => {
  const poor = await call('POST', '/api/breaks', '{"way":"poor"}');
  expect(poor).toMatchObject({
    status: 402,
    json: { error: { code: 'insufficient_funds', details: { missing: '5' } } },
  });
  const lines: string[] = [];
  const logging = createHttp({ ...parts, log: createLog((line) => lines.push(line)) });
  for (const way of ['bug', 'shape']) {
    const response = await logging.request('/api/breaks', {
      method: 'POST',
      body: `{"way":"${way}"}`,
    });
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain('secret detail');
    expect(text).toContain(response.headers.get('x-request-id'));
  }
  expect(lines.join('')).toContain('secret detail');
  expect(lines.join('')).toContain('break answered what its operation does not declare');
});

test('lines arrive numbered; a bad one is told and the rest goes on', async () => {
  const body = Buffer.concat([
    Buffer.from('{"a":1}\r\n\n'),
    Buffer.from('x'.repeat(11)),
    Buffer.from([0x0a, 0xff, 0x0a]),
    Buffer.from('{"b":é}'),
  ]);
  const { json } = await call('POST', '/api/things/a/lines', body);
  expect(json.lines).toEqual([
    { number: 1, text: '{"a":1}' },
    { number: 3, problem: 'too_long' },
    { number: 4, problem: 'not_utf8' },
    { number: 5, text: '{"b":é}' },
  ]);
  expect(await codeOf('POST', '/api/things/a/lines', '1\n'.repeat(31))).toBe('413 too_large');
});

test('every answer forbids sniffing, framing and foreign content', async () => {
  for (const path of ['/api/things/a', '/api/nothing', '/healthz']) {
    const { headers } = await app.request(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
  }
});

test('health and metrics are what they are told to be', async () => {
  const sick = createHttp({
    ...parts,
    metrics: async () => 'calls 1\n',
    checkHealth: () => Promise.reject(new Error('no database')),
  });
  expect((await app.request('/healthz')).status).toBe(200);
  expect((await sick.request('/healthz')).status).toBe(503);
  const metrics = await sick.request('/metrics');
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await metrics.text()).toBe('calls 1\n');
});

test('the console is served, and no path leaves its folder', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'openledger-console-'));
  const folder = join(outside, 'dist');
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(outside, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'index.html'), '<p>console</p>');
  await writeFile(join(folder, 'assets', 'a.js'), '1');
  await symlink(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  const withConsole = createHttp({ ...parts, consoleFolder: folder });
  const { url, close } = await listen(withConsole, { host: '127.0.0.1', port: 0 });
  try {
    const index = await withConsole.request('/');
    expect(await index.text()).toBe('<p>console</p>');
    expect(index.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect((await withConsole.request('/assets/a.js')).headers.get('cache-control')).toContain(
      'immutable',
    );
    for (const path of [
      '/link.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/%00',
      '/%',
      '/assets',
      '/absent.html',
    ]) {
      const response = await fetch(url + path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.text()).not.toContain('secret\n');
    }
  } finally {
    await close();
    await rm(outside, { recursive: true });
  }
});

test('a server that refuses an upload half way answers all the same', async () => {
  const { url, close } = await listen(app, { host: '127.0.0.1', port: 0 });
  const response = await fetch(`${url}/api/things/a/lines`, {
    method: 'POST',
    headers: { authorization: 'Bearer good' },
    body: '1\n'.repeat(500_000),
  });
  expect(response.status).toBe(413);
  await close();
});

test('an idle connection outlasts a client that is busy with what it was answered', async () => {
  const { url, close } = await listen(app, { host: '127.0.0.1', port: 0 });
  const response = await fetch(url);
  const [, seconds] = /timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '') ?? [];
  await response.text();
  await close();
  expect(Number(seconds)).toBeGreaterThanOrEqual(60); // verifying a few hundred receipts takes seconds, without a pause
});
