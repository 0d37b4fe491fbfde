/** `openledger`: short verbs from `commands.ts`, everything else from the table of operations. */
import { OpenLedgerError } from '@openledger/sdk';
import { hasFlag, parseArguments } from './arguments.ts';
import { callOperation } from './call-operation.ts';
import { commands } from './commands.ts';
import { help } from './help.ts';

/** @param argv without node and script @returns the exit status */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    console.error(sentence(error));
    return 1;
  }
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [first, second, ...rest] = args.words;
  if (first === undefined || first === 'help' || hasFlag(args, 'help') || argv.includes('-h')) {
    const topic = args.words.filter((word) => word !== 'help' && word !== '-h');
    console.log(help(topic));
    return 0;
  }
  if (Object.hasOwn(commands, first)) {
    const command = await commands[first].load();
    return command(argv.slice(argv.indexOf(first) + 1));
  }
  if (second === undefined) {
    console.log(help([first]));
    return 0;
  }
  console.log(await callOperation(first, second, { words: rest, flags: args.flags }));
  return 0;
}

/** An expected failure is one sentence and what is missing; a bug keeps its stack. */
function sentence(error: unknown): string {
  if (error instanceof OpenLedgerError) {
    const hint =
      error.code === 'unauthorized' ? ' Remember a key with: openledger keys use SECRET.' : '';
    return `${error.message}${hint}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
