/** Real pages with an author for each line, where they are at hand. */
import { existsSync, readFileSync } from 'node:fs';
import {
  COMMONS,
  type EntitlementVector,
  entitlementOf,
  informationIn,
  isWord,
  unigramTable,
} from '@openledger/protocol';
import { expect, test } from 'vitest';
import { entitlementByContent } from './owned-information.ts';
import { type AcceptedRecord, createOwnership } from './ownership.ts';
import { createTokenIds } from './token-ids.ts';

const folder = new URL('../../../../shared/data/corpora/tldr/', import.meta.url);
const absent = existsSync(folder) ? '' : ' (skipped: ../shared/data is not here)';

const linesOf = <Row>(name: string): Row[] =>
  readFileSync(new URL(name, folder), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test.skipIf(absent)(
  `tldr: boilerplate is common, and a page fed back credits its authors${absent}`,
  () => {
    const commits = linesOf<{ author: string; coauthors: string[] }>('commits.jsonl');
    const pages = linesOf<{ text: string; line_commit: number[] }>('pages_2025-12-31.jsonl');
    const ids = createTokenIds();
    // Authors and co-authors of a line have equal parts of it.
    const vectors = commits.map(({ author, coauthors }) =>
      entitlementOf([...new Set([author, ...coauthors])].map((party) => ({ party, weight: 1n }))),
    );
    const recordOf = (page: (typeof pages)[number]): AcceptedRecord => {
      const claims = page.text
        .replace(/\n$/, '')
        .split('\n')
        .map((line, i) => ({
          tokens: ids.tokenize(line).tokens.length,
          owners: vectors[page.line_commit[i]],
        }));
      return { ...ids.tokenize(page.text), claims };
    };

    const ownership = createOwnership();
    ownership.accept(pages.map(recordOf)); // one import
    ownership.closeCommons();
    const ownersByToken = (record: number): readonly EntitlementVector[] =>
      ownership
        .runsOf(record)
        .flatMap(({ tokens, owners }) => Array.from({ length: tokens }, () => owners));

    let common = 0;
    for (const [i, { text }] of pages.entries()) {
      const at = text.indexOf('\n- Display help:\n');
      if (at < 0) continue;
      const before = ids.tokenize(text.slice(0, at)).tokens.length;
      const parties = ownersByToken(i)
        .slice(before, before + 4)
        .map((owners) => owners[0].party);
      expect(parties).toEqual([COMMONS, COMMONS, COMMONS, COMMONS]);
      common += 1;
    }
    expect(common).toBeGreaterThan(600);

    const informationOf = informationIn(unigramTable(pages.map(({ text }) => text)));
    const informationOfTokens = (text: string) =>
      [...ids.tokenize(text).tokens].map((id) =>
        isWord(ids.tokens[id]) ? informationOf(ids.tokens[id]) : 0,
      );
    const thief = entitlementOf([{ party: 'thief', weight: 1n }]);
    for (const [i, page] of pages.entries()) {
      if (i % 97 > 0) continue;
      const again = ids.tokenize(page.text);
      const copy = ownership.accept([
        { ...again, claims: [{ tokens: again.tokens.length, owners: thief }] },
      ]);
      const information = informationOfTokens(page.text);
      const credited = entitlementByContent(ownership.runsOf(copy), information);
      expect(credited).toEqual(entitlementByContent(ownership.runsOf(i), information));
      expect(credited.some(({ party }) => party === 'thief')).toBe(false);
    }
  },
);
