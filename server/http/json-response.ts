/** JSON out. Amounts that stand in an error's details as bigints are written as decimal strings. */
export const jsonResponse = (
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(JSON.stringify(value, decimal), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });

const decimal = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
