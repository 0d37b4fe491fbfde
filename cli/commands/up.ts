/** `up`: everything on this machine; on an empty data folder the first loop turns, and then it stays up. */
import { resolve } from 'node:path';
import { type Arguments, flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { findOperator } from '../first-loop/find-operator.ts';
import { firstLoop } from '../first-loop/first-loop.ts';
import { npmDocs } from '../first-loop/npm-docs.ts';
import { ownSentence } from '../first-loop/own-sentence.ts';
import type { People } from '../first-loop/people.ts';
import { BANNER } from '../first-loop/report.ts';
import { writeProfile } from '../profile.ts';
import { type ServerProcess, startServer } from '../server-process.ts';

export const STEPS = { base: 3000, adapter: 300 };
const CALLS = 200;

export async function up(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const once = hasFlag(args, 'once');
  const data = resolve(flagOf(args, 'data') ?? process.env.OPENLEDGER_DATA ?? '.openledger');
  const server = await start(args, { data, once });
  try {
    const { url, adminKey } = server.ready;
    if (once && !adminKey) {
      say(`${data} is not empty: the first loop has turned there before.`);
      return 1;
    }
    if (adminKey) {
      if (!once) await writeProfile({ baseUrl: url, apiKey: adminKey });
      say(`admin key, shown this once: ${adminKey}\n`);
      const { failed, people } = await turnLoop({ url, adminKey, data, once });
      if (once) return failed === 0 ? 0 : 1;
      say(`console, with the key of the visitor who paid: ${url}/#key=${people.visitor.secret}`);
    }
    say('stop with Ctrl-C');
    return await server.exited;
  } finally {
    await server.stop();
  }
}

async function start(
  args: Arguments,
  { data, once }: { readonly data: string; readonly once: boolean },
): Promise<ServerProcess> {
  const operator =
    (await findOperator(flagOf(args, 'upstream'))) ?? process.env.OPENLEDGER_UPSTREAM_URL;
  const port = flagOf(args, 'port') ?? (once ? '0' : process.env.OPENLEDGER_PORT);
  const server = await startServer({
    ...{ OPENLEDGER_DATA: data, OPENLEDGER_PORT: port, OPENLEDGER_UPSTREAM_URL: operator },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => void server.stop());
  const { url, chain, database } = server.ready;
  say(
    `OpenLedger at ${url} (${database} database, ${chain.isLocal ? 'local chain' : `chain ${chain.id}`})`,
  );
  if (chain.isLocal) say(BANNER);
  if (operator) say(`answers come from the operator at ${operator}`);
  return server;
}

type Turn = {
  readonly url: string;
  readonly adminKey: string;
  readonly data: string;
  readonly once: boolean;
};

/** The first loop, and at its end a sentence of one's own. @returns how many checks did not hold */
async function turnLoop({
  url,
  adminKey,
  data,
  once,
}: Turn): Promise<{ readonly failed: number; readonly people: People }> {
  const output = process.stdout;
  const loop = { baseUrl: url, adminKey, source: npmDocs(), output, folder: data };
  const result = await firstLoop({ ...loop, callCount: CALLS, steps: STEPS });
  const own = await ownSentence({
    ...{ ...result, baseUrl: url, output },
    isInteractive: !once && process.stdin.isTTY,
  });
  const failed = [...result.checks, ...own].filter(({ ok }) => !ok).length;
  say(failed === 0 ? '\nevery check of the loop held' : `\n${failed} checks failed`);
  return { failed, people: result.people };
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
