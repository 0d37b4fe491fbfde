/** `fetch rct_...`: keeps a receipt and all that verifies it in a file, byte for byte. */
import { writeFile } from 'node:fs/promises';
import { isId, OpenLedgerError } from '@openledger/sdk';
import { flagOf, parseArguments } from '../arguments.ts';
import { openSession } from '../session.ts';

export async function fetchReceipt(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [receiptId = ''] = args.words;
  if (args.words.length !== 1 || !isId('receipt', receiptId)) {
    throw new OpenLedgerError(
      'invalid_input',
      'Say which receipt: openledger fetch rct_... [--to FILE]',
    );
  }
  const path = flagOf(args, 'to') ?? `${receiptId}.json`;
  const { client } = await openSession(args);
  const { bundle } = await client.receipts.bundle({ receiptId });
  await writeFile(path, bundle, { mode: 0o600 }); // it holds what was asked and answered
  console.log(path);
  return 0;
}
