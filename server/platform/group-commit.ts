/** Many small writes that come at once, done as one: whoever comes while a commit is under way shares the next. */

export type Group<Item, Result> = {
  /** Resolves when it is committed. */
  add(item: Item): Promise<Result>;
};

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * @param commit all of them or none; one result an item, in their order
 * @param most how many share a commit
 * @param isOneItems whether a failure may be one item's own, so that the others are done without it; not where it is not
 * known whether they were done
 */
export function createGroup<Item, Result>(
  commit: (items: readonly Item[]) => Promise<readonly Result[]>,
  { most, isOneItems }: { readonly most: number; readonly isOneItems: (error: unknown) => boolean },
): Group<Item, Result> {
  const queue: Waiting<Item, Result>[] = [];
  let isCommitting = false;

  async function commitAll(some: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await commit(some.map(({ item }) => item));
      for (const [index, { resolve }] of some.entries()) resolve(results[index]);
    } catch (error) {
      if (some.length > 1 && isOneItems(error)) {
        for (const one of some) await commitAll([one]);
      } else for (const { reject } of some) reject(error);
    }
  }

  async function run(): Promise<void> {
    isCommitting = true;
    while (queue.length > 0) await commitAll(queue.splice(0, most));
    isCommitting = false;
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (!isCommitting) void run();
      }),
  };
}
