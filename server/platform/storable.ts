/** What JSON can say and the rest of us cannot take: nesting without end, NUL, and halves of surrogate pairs. */

/** Deeper than anybody writes, and shallow enough for every function that calls itself. */
const DEEPEST = 64;

export function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= DEEPEST; depth++) level = level.flatMap(membersOf);
  return level.length > 0;
}

/** Whether PostgreSQL can hold every text of a value that is not too deep, names included, as it stands. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, member]) => isStorable(name) && isStorable(member));
}

const membersOf = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : [];
