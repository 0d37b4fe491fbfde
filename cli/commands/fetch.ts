/** `fetch rct_...`: keeps a receipt and all that verifies it in a file, byte for byte. */
import { writeFile } from 'node:fs/promises';
import { isId, OpenLedgerError } from '@openledger/sdk';
import { type Arguments, flagOf, parseArguments } from '../arguments.ts';
import { openSession } from '../session.ts';

export async function fetchReceipt(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [receiptId = ''] = args.words;
  if (args.words.length !== 1 || !isId('receipt', receiptId)) {
    throw new OpenLedgerError(
      'invalid_input',
      'Say which receipt: openledger fetch rct_... [--to FILE] [--epoch NUMBER]',
    );
  }
  const path = flagOf(args, 'to') ?? `${receiptId}.json`;
  const { client } = await openSession(args);
  const { bundle } = await client.receipts.bundle({ receiptId, epoch: epochOf(args) });
  await writeFile(path, bundle, { mode: 0o600 }); // it holds what was asked and answered
  console.log(path);
  return 0;
}

/** Whose root on chain the bundle shall be one history with. @throws invalid_input */
function epochOf(args: Arguments): number | undefined {
  const text = flagOf(args, 'epoch');
  if (text === undefined || /^[0-9]{1,9}$/.test(text))
    return text === undefined ? undefined : Number(text);
  throw new OpenLedgerError('invalid_input', `"${text}" is not the number of an epoch.`);
}
