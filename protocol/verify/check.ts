/** A check: its name, and its verdict with what was found. */

export const checkNames = [
  'canonical',
  'schema',
  'signature',
  'inclusion',
  'checkpoint',
  'anchor',
  'policy',
  'snapshot',
  'record',
  'output',
  'channels',
  'arithmetic',
  'price',
  'split',
  'conservation',
  'recompute-snapshot',
  'recompute-information',
  'recompute-trace',
  'recompute-channels',
  'recompute-shares',
] as const;
export type CheckName = (typeof checkNames)[number];

/** What a check found, in words. */
export type Finding = {
  readonly detail: string;
  /** Records whose texts were withdrawn, above zero: what hangs on them was not checked. */
  readonly withdrawn?: number;
};

/** One check's verdict, and what it found. */
export type CheckResult<Name extends string = CheckName> = Finding & {
  readonly check: Name;
  readonly ok: boolean;
};

/** Runs a check: what it returns is the finding, what it throws is the fault. */
export function runCheck<Name extends string>(
  check: Name,
  work: () => string | Finding,
): CheckResult<Name> {
  try {
    const found = work();
    return { check, ok: true, ...(typeof found === 'string' ? { detail: found } : found) };
  } catch (error) {
    return { check, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws Error with the sentence unless the fact holds */
export function must(fact: boolean, sentence: string): asserts fact {
  if (!fact) throw new Error(sentence);
}
