/** `npm run attack`: tries every attack, prints what it gains, and with --write puts the table into docs/attacks.md. */
import { writeFileSync } from 'node:fs';
import { attacksOn, drawSetting } from './attacks.ts';
import { gainOf } from './gains.ts';

const SEED = 1;
const page = new URL('../../docs/attacks.md', import.meta.url);

export async function main(words: readonly string[]): Promise<number> {
  const { table, isHeld } = tryAll();
  process.stdout.write(`${table}\n`);
  if (words.includes('--write')) writeFileSync(page, pageWith(table));
  return isHeld ? 0 : 1;
}

/** Every attack in one setting, as a table; and whether those that may gain nothing do not. */
export function tryAll(): { readonly table: string; readonly isHeld: boolean } {
  const rows = attacksOn(drawSetting(SEED)).map((attack) => {
    const { ratio, isNone } = gainOf(attack);
    const held = attack.isExact ? (isNone ? 'yes' : 'NO') : '-';
    return { ...attack, ratio: ratio.toFixed(3), held };
  });
  const table = [
    '| attack | the coalition | gain | never more than 1 | why |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ name, act, ratio, held, because }) =>
        `| ${name} | ${act} | ${ratio} | ${held} | ${because} |`,
    ),
  ].join('\n');
  return { table, isHeld: rows.every(({ held }) => held !== 'NO') };
}

const pageWith = (table: string): string => `# Attacks

Written by \`npm run attack -- --write\`; do not edit.

What a coalition gains that does not do what it is paid for. The gain is its net income by all its roles (contributor, payer, operator),
what waits in escrow left out, over what it would have had honestly; 1 is nothing gained. Texts arrive, are sealed, answered from and
paid for by the product's own functions (ownership, information, pools, tracing, coverage, shares, the fee policy), in whole numbers of
2^-128 units. Only the answers are given, not generated. Seven texts of 160 words, one of them the coalition's;
21 answers that quote forty words of one of them each.

${table}

- What is never more than 1 is a property over random texts, cuts and numbers of names, to less than a millionth of a unit in all, which is how far
  weights are rounded: \`npx vitest run test/attack\`.
- Where values are computed over identities instead, duplicates and splits were measured to gain 1.15 to 1.76.
- All attacks are on trace and prior: nothing is measured of the answers beside them. A claim with an older date is tried as what it is, a late copy; a proof as what it
  leads to, the author's text first.
- The operator's row counts what he is paid for serving, which does not change: what the coalition has for its text alone grows by more.
- The context channel divides a prompt among the owners of its records, who are told apart by their entitlement vectors. Two records that say the same in
  other words, put into one prompt under two names, have more of it than one: Shapley values reward being there twice
  (\`npx vitest run test/attack -t twins\`). Copies do not: they belong to whoever had them first.
`;
