/** Lists come in pages: at most `limit` items that follow the item named by `after`. */
import { z } from 'zod';

/** Members of every list's input. `after` is the `next` of the page before. */
export const paging = {
  limit: z.coerce.number<number>().int().min(1).max(500).default(50),
  after: z.string().min(1).max(200).optional(),
};

/** A page of items. `next` is absent on the last page. */
export const pageOf = <Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next: z.ZodOptional<z.ZodString> }> =>
  z.object({ items: z.array(item), next: z.string().optional() });
