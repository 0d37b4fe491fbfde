/** Makes a page of what a stage listed. A full page names its last item, after which the next one begins. */
export function pageFrom<Item extends { readonly id: string }, Wire>(
  items: readonly Item[],
  { limit }: { readonly limit: number },
  wire: (item: Item) => Wire,
): { items: Wire[]; next?: string } {
  const next = items.length < limit ? undefined : items[items.length - 1].id;
  return { items: items.map(wire), next };
}
