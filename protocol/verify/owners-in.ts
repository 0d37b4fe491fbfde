/** Whose the words of a bundle's records are. */
import type { OwnersOf } from '../coverage.ts';
import { ownersByWord, parseOwnerMap } from '../owner-map.ts';
import type { Bundle } from './bundle.ts';
import { must } from './check.ts';

/** From the records shown. @throws Error on a record that is not shown */
export function ownersIn({ records }: Pick<Bundle, 'records'>): OwnersOf {
  const maps = new Map(
    records.map(({ record, map }) => [record, ownersByWord(parseOwnerMap(map))]),
  );
  return (recordHash, word) => {
    const ownersOf = maps.get(recordHash);
    must(ownersOf !== undefined, `The owners of record ${recordHash} are not shown.`);
    return ownersOf(word);
  };
}
