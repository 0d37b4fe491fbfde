/** Looks for an OpenAI-compatible server on this machine: then that one answers, and the small model only shows itself. */

/** Ollama, llama.cpp, vLLM, LM Studio: where they listen unless told otherwise. */
const usual = [11434, 8080, 8000, 1234].map((port) => `http://127.0.0.1:${port}/v1`);

/**
 * @param named a base URL that the user gave; `none` looks nowhere
 * @returns the base URL of one that lists at least one model
 */
export async function findOperator(named: string | undefined): Promise<string | undefined> {
  if (named === 'none') return undefined;
  if (named !== undefined) {
    if (await offersModels(named, 5000)) return named;
    throw new Error(`No OpenAI-compatible server with a model answers at ${named}.`);
  }
  const found = await Promise.all(usual.map((url) => offersModels(url, 500)));
  return usual.find((_, index) => found[index]);
}

async function offersModels(baseUrl: string, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, '')}/models`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    const list: unknown = await response.json();
    return isModelList(list) && list.data.length > 0;
  } catch {
    return false; // nobody there, or somebody who speaks otherwise
  }
}

const isModelList = (value: unknown): value is { readonly data: readonly unknown[] } =>
  typeof value === 'object' && value !== null && 'data' in value && Array.isArray(value.data);
