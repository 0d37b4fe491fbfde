/** `up`: everything on this machine; on an empty data folder the first loop turns, and then it stays up. */
import { join, resolve } from 'node:path';
import { flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { findOperator } from '../first-loop/find-operator.ts';
import { firstLoop } from '../first-loop/first-loop.ts';
import { npmDocs } from '../first-loop/npm-docs.ts';
import { ownSentence } from '../first-loop/own-sentence.ts';
import { BANNER } from '../first-loop/report.ts';
import { writeProfile } from '../profile.ts';
import { startServer } from '../server-process.ts';

export const STEPS = { base: 3000, adapter: 300 };
const CALLS = 200;

export async function up(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const once = hasFlag(args, 'once');
  const data = resolve(flagOf(args, 'data') ?? process.env.OPENLEDGER_DATA ?? '.openledger');
  const operator = await findOperator(flagOf(args, 'upstream'));
  const out = process.stdout;
  const server = await startServer({
    OPENLEDGER_DATA: data,
    OPENLEDGER_PORT:
      flagOf(args, 'port') ?? (once ? '0' : undefined) ?? process.env.OPENLEDGER_PORT,
    OPENLEDGER_UPSTREAM_URL: operator ?? process.env.OPENLEDGER_UPSTREAM_URL,
  });
  const stopOnSignal = () => void server.stop();
  process.once('SIGINT', stopOnSignal).once('SIGTERM', stopOnSignal);

  const { url, adminKey, chain, database } = server.ready;
  out.write(
    `OpenLedger at ${url} (${database} database, ${chain.isLocal ? 'local chain' : `chain ${chain.id}`})\n`,
  );
  if (chain.isLocal) out.write(`${BANNER}\n`);
  if (operator) out.write(`answers come from the operator at ${operator}\n`);
  if (adminKey) {
    if (!once) await writeProfile({ baseUrl: url, apiKey: adminKey });
    out.write(`admin key, shown this once: ${adminKey}\n\n`);
    const result = await firstLoop({
      ...{ baseUrl: url, adminKey, source: npmDocs(), output: out, folder: data },
      ...{ callCount: CALLS, steps: STEPS },
    });
    const own = await ownSentence({
      ...result,
      baseUrl: url,
      output: out,
      isInteractive: !once && process.stdin.isTTY,
    });
    const failed = [...result.checks, ...own].filter(({ ok }) => !ok);
    out.write(
      failed.length === 0
        ? '\nevery check of the loop held\n'
        : `\n${failed.length} checks failed\n`,
    );
    if (once) {
      await server.stop();
      return failed.length === 0 ? 0 : 1;
    }
    out.write(
      `console, with the key of the visitor who paid: ${url}/#key=${result.people.visitor.secret}\n`,
    );
  } else if (once) {
    out.write(`${join(data)} is not empty: the first loop has turned there before.\n`);
    await server.stop();
    return 1;
  }
  out.write('stop with Ctrl-C\n');
  return server.exited;
}
