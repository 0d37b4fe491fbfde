/** The operator that all are measured with, as cheap as `node:http` allows: it knows its answers and looks for two words in a body. */
import { createServer, type ServerResponse } from 'node:http';
import { listenFor } from './process.ts';
import { closing, opening, WORDS, wholeAnswer, word } from './speech.ts';

const WORD_MS = 5;
/** A held stream hears a word every five seconds. */
const TICK_MS = 100;
const TICKS_A_WORD = 50;
const FINISHED_A_TICK = 100;

const JSON_HEAD = [
  ...['content-type', 'application/json'],
  ...['content-length', String(Buffer.byteLength(wholeAnswer))],
];
const STREAM_HEAD = ['content-type', 'text/event-stream'];
const STREAM = opening + word.repeat(WORDS) + closing;

const held = new Set<ServerResponse>();
let finishing = false;
let ticks = 0;

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  response.sendDate = false;
  if (request.url?.endsWith('/models')) return response.end('{"object":"list","data":[]}');
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => answer(body, response));
});

function answer(body: string, response: ServerResponse): void {
  if (!body.includes('"stream":true')) {
    response.writeHead(200, JSON_HEAD).end(wholeAnswer);
    return;
  }
  response.writeHead(200, STREAM_HEAD);
  if (body.includes('"model":"held"')) hold(response);
  else if (body.includes('"model":"paced"')) pace(response);
  else response.end(STREAM);
}

function pace(response: ServerResponse): void {
  response.write(opening + word);
  let left = WORDS - 1;
  const timer = setInterval(() => {
    if (response.destroyed) clearInterval(timer);
    else if (left-- > 0) response.write(word);
    else {
      clearInterval(timer);
      response.end(closing);
    }
  }, WORD_MS);
}

function hold(response: ServerResponse): void {
  finishing = false;
  held.add(response);
  response.once('close', () => held.delete(response));
  response.write(opening + word);
}

setInterval(() => {
  ticks += 1;
  if (finishing) {
    for (const response of [...held].slice(0, FINISHED_A_TICK)) {
      held.delete(response);
      response.end(word + closing);
    }
    return;
  }
  let number = 0;
  for (const response of held)
    if (number++ % TICKS_A_WORD === ticks % TICKS_A_WORD) response.write(word);
}, TICK_MS);

process.on('message', (message) => {
  if (message === 'finish') finishing = true;
});
await listenFor(server);
