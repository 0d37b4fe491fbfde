/** Asks again and again until there is an answer. @throws when there is none in time */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  {
    everyMs = 200,
    withinMs = 120_000,
  }: { readonly everyMs?: number; readonly withinMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
