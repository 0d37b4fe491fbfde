/** A binary heap in a plain array: the item that comes before all others is at index 0. */

/** Says whether a comes out before b. */
export type Before<T> = (a: T, b: T) => boolean;

export function pushHeap<T>(heap: T[], item: T, before: Before<T>): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

/** Takes the first item out, or undefined from an empty heap. */
export function popHeap<T>(heap: T[], before: Before<T>): T | undefined {
  const first = heap[0];
  const item = heap.pop();
  if (heap.length === 0 || item === undefined) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
    if (!before(heap[child], item)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
  return first;
}
