/**
 * A transaction's legs as one text, which is how a row of the log keeps them: account numbers and units, grouped by who pays.
 *
 * `17>4:250,9:50;4>17:10` is 250 from 17 to 4, 50 from 17 to 9, and then 10 from 4 to 17. Just one text says so: a leg joins
 * the group before it whenever the same account pays, and no number begins with a zero. No legs are an empty text.
 */
import { OpenLedgerError } from '@openledger/protocol';

export type Legs = {
  /** Numbers of accounts: of each leg, in turn, who pays and who is paid. */
  readonly sides: readonly number[];
  /** Units of each leg, as decimal digits. */
  readonly amounts: readonly string[];
};

/** @param sides of each leg, in turn, the account that pays and the one that is paid */
export function encodeLegs(
  sides: readonly { readonly number: number }[],
  legs: readonly { readonly amount: bigint }[],
): string {
  let text = '';
  let payer = 0; // no account has this number
  for (let leg = 0; leg < legs.length; leg++) {
    const from = sides[2 * leg].number;
    const paid = `${sides[2 * leg + 1].number}:${legs[leg].amount}`;
    text += from === payer ? `,${paid}` : `${text && ';'}${from}>${paid}`;
    payer = from;
  }
  return text;
}

/** @throws unprocessable when it is not the text of any legs */
export function parseLegs(text: string): Legs {
  const sides: number[] = [];
  const amounts: string[] = [];
  let payer = 0;
  let mark = text === '' ? '' : ';';
  for (let at = 0; mark !== ''; at++) {
    if (mark === ';') {
      const end = endOfNumber(text, at, '>');
      const next = Number(text.slice(at, end));
      if (next === payer) throw unreadable(text);
      payer = next;
      at = end + 1;
    }
    const colon = endOfNumber(text, at, ':');
    const end = endOfNumber(text, colon + 1, ',;');
    sides.push(payer, Number(text.slice(at, colon)));
    amounts.push(text.slice(colon + 1, end));
    mark = text.charAt(end);
    at = end;
  }
  return { sides, amounts };
}

const [ZERO, NINE] = [48, 57];

/** Where the digits from here on end. @param marks one of them follows; a comma among them: or the text ends */
function endOfNumber(text: string, begin: number, marks: string): number {
  let end = begin;
  for (; end < text.length; end++) {
    const digit = text.charCodeAt(end);
    if (digit < ZERO || digit > NINE) break;
  }
  const isNumber = end > begin && text.charCodeAt(begin) !== ZERO;
  const isFollowed = end < text.length ? marks.includes(text[end]) : marks === ',;';
  if (isNumber && isFollowed) return end;
  throw unreadable(text);
}

const unreadable = (text: string): OpenLedgerError =>
  new OpenLedgerError('unprocessable', `"${text}" is not the text of any legs.`);
