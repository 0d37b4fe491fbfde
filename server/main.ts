/**
 * The process. Roles: `up` (everything; embedded what the settings do not name), `serve` and `work` (its two halves, any
 * number of each on one database and one chain), `migrate`, `audit`.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { type App, type AppHandles, createApp, startServing, startWorking } from './app.ts';
import { listen } from './http/listen.ts';
import { audit } from './ledger/index.ts';
import { openChain } from './platform/chain.ts';
import { systemClock } from './platform/clock.ts';
import { type Config, readConfig } from './platform/config.ts';
import { type Db, openDb } from './platform/db.ts';
import { exclusively } from './platform/exclusively.ts';
import { migrateJobs } from './platform/jobs.ts';
import { openKeys } from './platform/keys.ts';
import { createLog, silentLog } from './platform/log.ts';
import { migrate } from './platform/migrate.ts';
import { startPostgres } from './platform/postgres.ts';
import { sql } from './platform/sql.ts';

const roles = { up, serve, work, migrate: migrateOnly, audit: auditOnly } as const;

const role = process.argv[2] ?? 'up';
if (!Object.hasOwn(roles, role)) {
  process.stderr.write(`There is no role "${role}". Roles: ${Object.keys(roles).join(', ')}.\n`);
  process.exit(2);
}
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const leave = () => process.exit(0); // and what was started ends with us
for (const signal of signals) process.once(signal, leave);
run(roles[role as keyof typeof roles]).catch((error: unknown) => {
  process.stderr.write(`${complaintOf(error)}\n`);
  process.exit(1);
});

async function run(play: (config: Config) => Promise<void>): Promise<void> {
  await play(readConfig());
}

/** What a person can act on is a sentence; for the rest we need to know where it came from. */
function complaintOf(error: unknown): string {
  if (error instanceof OpenLedgerError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Both halves, on what is named and on what is embedded. */
async function up(config: Config): Promise<void> {
  const outside = await openOutside(config);
  await announceServing(config, outside, await createApp(outside.handles));
}

async function serve(config: Config): Promise<void> {
  assertShared('serve', config);
  const outside = await openOutside(config);
  await announceServing(config, outside, await startServing(outside.handles));
}

async function work(config: Config): Promise<void> {
  assertShared('work', config);
  const outside = await openOutside(config);
  const working = await startWorking(outside.handles);
  stopOnSignal(async () => {
    await working.stop();
    await outside.close();
  });
  say({ working: true, ...factsOf(config, outside) });
}

/** What several processes share cannot be embedded in one of them. */
function assertShared(role: string, config: Config): void {
  for (const name of ['DATABASE_URL', 'CHAIN_RPC_URL'] as const) {
    if (config[name]) continue;
    const sentence = `"${role}" runs beside other processes, which must share what it uses: set ${name}. "up" brings its own.`;
    throw new OpenLedgerError('invalid_input', sentence);
  }
}

type Outside = { readonly handles: AppHandles; readonly close: () => Promise<void> };

async function openOutside(config: Config): Promise<Outside> {
  const folder = resolve(config.OPENLEDGER_DATA);
  await mkdir(folder, { recursive: true });
  const log = config.OPENLEDGER_LOG ? createLog((line) => process.stderr.write(line)) : silentLog;
  const { db, close } = await openDatabase(config);
  const chain = await openChain({
    rpcUrl: config.CHAIN_RPC_URL,
    folder: join(folder, 'chain'),
    confirmations: config.OPENLEDGER_CHAIN_CONFIRMATIONS,
    log,
    exclusively: (name, work) => exclusively(db, name, work),
  });
  const keys = await openKeys(join(folder, 'keys'));
  return {
    handles: { config, db, chain, keys, log, folder, clock: systemClock },
    async close() {
      await chain.stop();
      await close();
    },
  };
}

/** How long answers under way may take to end when the server is told to stop; what follows them is charged as it stands. */
const DRAIN_MS = 10_000;

/** Serves until it is told to stop; then finishes what is under way and stores the chain. */
async function announceServing(config: Config, outside: Outside, app: App): Promise<void> {
  const listening = await listen(app.http, {
    host: config.OPENLEDGER_HOST,
    port: config.OPENLEDGER_PORT,
  });
  const adminKey = await app.ensureAdminKey();
  stopOnSignal(async () => {
    await listening.close(DRAIN_MS);
    await app.stop();
    await outside.close();
  });
  say({ url: listening.url, adminKey, ...factsOf(config, outside) });
}

function stopOnSignal(close: () => Promise<void>): void {
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await close();
    process.exit(0);
  };
  for (const signal of signals) process.off(signal, leave).on(signal, stop);
}

const factsOf = (config: Config, { handles: { chain } }: Outside) => ({
  chain: { id: chain.id, isLocal: chain.isLocal },
  database: config.DATABASE_URL ? 'external' : 'embedded',
});

/** One line, for whoever started us. */
const say = (ready: object): void => {
  process.stdout.write(`${JSON.stringify(ready)}\n`);
};

type Database = { readonly db: Db; readonly close: () => Promise<void> };

/** One's own server by its URL, or the embedded one; migrated either way. */
async function openDatabase(config: Config): Promise<Database> {
  const embedded = config.DATABASE_URL
    ? undefined
    : await startPostgres(join(resolve(config.OPENLEDGER_DATA), 'postgres'));
  const db = openDb(config.DATABASE_URL ?? (embedded?.url as string), { poolSize: 20 });
  if (!embedded) await assertAnswers(db);
  await exclusively(db, 'migrate', async () => {
    await migrateJobs(db);
    await migrate(db);
  });
  return {
    db,
    close: async () => {
      await db.close();
      await embedded?.stop();
    },
  };
}

async function assertAnswers(db: Db): Promise<void> {
  await db.query(sql`select 1`).catch((cause) => {
    const reason = cause.message || cause.code; // a name with several addresses fails with a code alone
    const sentence = `The database of DATABASE_URL does not answer: ${reason}.`;
    throw new OpenLedgerError('unavailable', sentence, {}, { cause });
  });
}

async function migrateOnly(config: Config): Promise<void> {
  const database = await openDatabase(config);
  await database.close();
}

/** Replays the ledger from the database alone, and says the first difference there is. */
async function auditOnly(config: Config): Promise<void> {
  await assertData(config);
  const database = await openDatabase(config);
  const report = await audit(database.db);
  await database.close();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(report.ok ? 0 : 1);
}

async function assertData(config: Config): Promise<void> {
  if (config.DATABASE_URL) return;
  const folder = join(resolve(config.OPENLEDGER_DATA), 'postgres');
  const found = await readdir(folder).catch(() => []);
  if (found.length === 0) {
    throw new OpenLedgerError('not_found', `There is no database in ${folder}.`);
  }
}
