import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { recoverPersonal } from '@openledger/sdk';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createHttp } from '../server/http/app.ts';
import { identityRoutes } from '../server/http/identity.ts';
import { type Listening, listen } from '../server/http/listen.ts';
import { createIdentity } from '../server/identity/index.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { createTestDatabase, type TestDatabase } from '../test/harness/postgres.ts';
import { main } from './main.ts';

let database: TestDatabase;
let server: Listening;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-cli-'));
  vi.stubEnv('OPENLEDGER_CLI_HOME', folder);
  database = await createTestDatabase();
  const identity = createIdentity({ db: database.db, clock: systemClock });
  const routes = identityRoutes({ identity });
  const app = createHttp({ routes, authenticate: identity.authenticate, log: silentLog });
  server = await listen(app, { host: '127.0.0.1', port: 0 });
  const { secret } = (await identity.ensureAdminKey())!;
  expect((await run('keys', 'use', secret, '--url', server.url)).status).toBe(0);
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await server.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

async function run(...argv: readonly string[]) {
  const lines: string[] = [];
  const write = (text: unknown) => void lines.push(String(text));
  vi.spyOn(console, 'log').mockImplementation(write);
  vi.spyOn(console, 'error').mockImplementation(write);
  const status = await main(argv);
  return { status, text: lines.join('\n') };
}

test('a key is remembered where only its owner can read it', async () => {
  const { mode } = await stat(join(folder, 'cli.json'));
  expect(mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(join(folder, 'cli.json'), 'utf8'))).toMatchObject({
    baseUrl: server.url,
  });
});

test('any operation of the table is a command, readable or as JSON', async () => {
  const created = await run('identity', 'create-party', '--identity', 'handle:cli', '--json');
  const party = JSON.parse(created.text);
  expect(party).toMatchObject({ identity: 'handle:cli' });
  const key = await run(
    ...['identity', 'create-key', '--party-id', party.id, '--label', 'l', '--json'],
    ...['--scopes', 'read,infer', '--limit-units', '2000000000000000000'],
  );
  expect(JSON.parse(key.text).key.scopes).toEqual(['read', 'infer']);
  const list = await run('identity', 'list-keys', '--party-id', party.id);
  expect(list.text).toContain('2 OPEN');
});

test.each([
  ['identity nothing', 'identity has no "nothing". Known: whoami'],
  ['nothing at all', 'There is no "nothing". Known: identity'],
  ['identity get-party', '--party-id is missing.'],
  ['identity get-party --party-id x', 'partyId: Expected an id that begins with pty_.'],
  ['identity whoami --colour red', 'There is no --colour. Known: none.'],
  ['identity list-parties --limit many', '"many" is not a number.'],
  ['identity whoami --key ol_wrong', 'The API key is unknown'],
  ['identity whoami --url http://127.0.0.1:1', 'No server answers at http://127.0.0.1:1.'],
  ['identity whoami extra', '"extra" is not a flag'],
  ['keys use wrong', 'An API key begins with ol_.'],
])('%s: one clear sentence and status 1', async (line, sentence) => {
  const { status, text } = await run(...line.split(' '));
  expect(status).toBe(1);
  expect(text).toContain(sentence);
  expect(text.split('\n')).toHaveLength(1);
});

test('a new key file is for its owner alone, is never written over, and signs', async () => {
  const file = join(folder, 'wallet.key');
  const { text: address } = await run('keys', 'new', file);
  expect(address).toMatch(/^0x[0-9a-f]{40}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await run('keys', 'new', file)).status).toBe(1);
  expect((await run('keys', 'address', file)).text).toBe(address);
  const { text: signature } = await run('keys', 'sign', file, '--text', 'hello');
  expect(recoverPersonal('hello', signature)).toBe(address);
  await chmod(file, 0o644);
  expect((await run('keys', 'address', file)).text).toContain('can be read by others');
});

test('help names every noun and what a verb takes', async () => {
  expect((await run()).text).toContain('identity');
  expect((await run('help', 'identity', 'create-key')).text).toContain('--limit-units');
  expect((await run('identity')).text).toContain('attest-claim');
  expect((await run('identity', 'create-key', '--help')).text).toContain('--scopes');
});

test('the command runs from any folder', async () => {
  const command = fileURLToPath(new URL('openledger.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [command, 'identity', 'whoami', '--json'],
    { cwd: folder, env: { ...process.env, OPENLEDGER_CLI_HOME: folder } },
  );
  expect(JSON.parse(stdout).party.identity).toBe('local:admin');
});
