/**
 * The floor: what anybody pays in Node who reads a call, asks an operator and answers. It parses both bodies and writes them anew, on
 * connections that are kept; streams go through as they come. Argument: the operator's URL.
 */
import { Agent, createServer, type IncomingMessage, request as requestTo } from 'node:http';
import { listenFor } from './process.ts';

const { hostname, port } = new URL(process.argv[2]);
const agent = new Agent({ keepAlive: true });

const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
  const asked = JSON.parse(await read(request));
  const body = JSON.stringify(asked);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const path = request.url;
  requestTo({ hostname, port, path, agent, headers, method: 'POST' }, async (answer) => {
    if (asked.stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.pipe(response);
      return;
    }
    const text = JSON.stringify(JSON.parse(await read(answer)));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  }).end(body);
});

function read(message: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    message.on('data', (part: Buffer) => parts.push(part));
    message.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    message.once('error', reject);
  });
}

await listenFor(server);
