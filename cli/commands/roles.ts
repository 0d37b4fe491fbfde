/** `serve` and `work`: the halves of `up` as processes of their own, any number of each. */
import { type Arguments, dataOf, flagOf, parseArguments } from '../arguments.ts';
import { runRole } from '../server-process.ts';

export function serve(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  return runRole('serve', { ...dataOf(args), ...portOf(args) });
}

export const work = (argv: readonly string[]): Promise<number> =>
  runRole('work', dataOf(parseArguments(argv)));

function portOf(args: Arguments): Readonly<Record<string, string>> {
  const port = flagOf(args, 'port');
  return port ? { OPENLEDGER_PORT: port } : {};
}
