/**
 * An operator as a process of its own, that can be killed: OpenAI's chat completions, streamed or not, with faults by a seed.
 *
 * Arguments: its name, a port, the journal's path, and the plan of its faults as JSON. It says `ready` when it listens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { answer } from './answer.ts';
import { chanceOf, drawFault, type FaultPlan } from './faults.ts';
import { openJournal } from './journal.ts';
import { readPrompt } from './prompt.ts';

type Body = {
  readonly messages: readonly { readonly content: string }[];
  readonly max_tokens: number;
  readonly stream?: boolean;
};

const [operator, port, path, planText] = process.argv.slice(2);
const plan: FaultPlan = JSON.parse(planText);
const journal = openJournal(path);
/** How often each request has come. */
const times = new Map<string, number>();

const server = createServer(async (request, response) => {
  response.on('error', () => {}); // the caller has gone
  try {
    if (request.method === 'GET') listModels(response);
    else await complete(request, response);
  } catch {
    response.destroy(); // the caller has gone while he asked
  }
});

function listModels(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"object":"list","data":[{"id":"words","object":"model"}]}');
}

async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: Body = JSON.parse(await textOf(request));
  const asked = readPrompt(body.messages.map(({ content }) => content));
  const { tag, promptTokens } = asked;
  const time = (times.get(tag) ?? 0) + 1;
  times.set(tag, time);
  const chance = chanceOf(plan.seed, operator, tag, time);
  const fault = drawFault(plan, chance);
  const { max_tokens: maxTokens, stream = false } = body;
  const entry = journal.begin({ operator, tag, promptTokens, fault, stream });
  await answer(request, response, { ...asked, maxTokens, stream, fault, chance, entry });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

server.listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
