/** An operator as small as they come: an OpenAI-compatible server that always says the same. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type CannedOperator = { readonly baseUrl: string; stop(): Promise<void> };

/** @param answer what it says to every chat completion, streamed or not */
export async function startCannedOperator(answer: string): Promise<CannedOperator> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { model, stream } = JSON.parse(Buffer.concat(chunks).toString() || '{}');
    const base = { id: 'canned', created: 1, model };
    const usage = { prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 };
    if (!stream) {
      const message = { role: 'assistant', content: answer };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...base, object: 'chat.completion', choices, usage }));
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    const event = (rest: object) =>
      response.write(
        `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...rest })}\n\n`,
      );
    event({
      choices: [{ index: 0, delta: { role: 'assistant', content: answer }, finish_reason: null }],
    });
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    event({ choices: [], usage });
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
