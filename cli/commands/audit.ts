/** `audit`: replays the ledger. Asks the server where one answers; `--offline` reads the data folder by itself. */
import { dataOf, hasFlag, parseArguments } from '../arguments.ts';
import { readable } from '../print.ts';
import { runRole } from '../server-process.ts';
import { openSession } from '../session.ts';

export async function audit(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  if (hasFlag(args, 'offline')) return runRole('audit', dataOf(args)); // no server has to be trusted or up
  const { client } = await openSession(args);
  const report = await client.ledger.audit();
  console.log(hasFlag(args, 'json') ? JSON.stringify(report, null, 2) : readable(report));
  return report.ok ? 0 : 1;
}
