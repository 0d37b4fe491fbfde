/** JSON out. Amounts that stand in an error's details as bigints are written as decimal strings. */
export const jsonResponse = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value, decimal), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });

const decimal = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
