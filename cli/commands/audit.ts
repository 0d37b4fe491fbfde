/** `audit`: replays the ledger. Asks the server where one answers; `--offline` reads the data folder by itself. */
import { spawn } from 'node:child_process';
import { flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { readable } from '../print.ts';
import { serverArguments } from '../server-process.ts';
import { openSession } from '../session.ts';

export async function audit(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  if (hasFlag(args, 'offline')) return auditOffline(flagOf(args, 'data'));
  const { client } = await openSession(args);
  const report = await client.ledger.audit();
  console.log(hasFlag(args, 'json') ? JSON.stringify(report, null, 2) : readable(report));
  return report.ok ? 0 : 1;
}

/** From the database alone, in a process of its own: no server has to be trusted or up. */
function auditOffline(data: string | undefined): Promise<number> {
  const child = spawn(process.execPath, serverArguments('audit'), {
    stdio: 'inherit',
    env: { ...process.env, ...(data ? { OPENLEDGER_DATA: data } : {}) },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
