/** The environment, read once, checked, frozen. Every value has a default that runs on a laptop. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';

const flag = z.enum(['0', '1']).transform((text) => text === '1');
const optional = z
  .string()
  .optional()
  .transform((text) => (text ? text : undefined));

/** Name, meaning and default of every setting; `.env.example` is generated from it. */
export const settings = {
  OPENLEDGER_DATA: {
    about: 'Folder of everything that must survive a restart: database, chain state, blobs, keys.',
    schema: z.string().default('.openledger'),
  },
  OPENLEDGER_HOST: {
    about: 'Address the server listens on.',
    schema: z.string().default('127.0.0.1'),
  },
  OPENLEDGER_PORT: {
    about: 'Port of the API, the OpenAI-compatible surface and the console.',
    schema: z.coerce.number().int().min(0).max(65535).default(4180),
  },
  DATABASE_URL: {
    about: 'A PostgreSQL 15+ of your own. Empty: the embedded one.',
    schema: optional,
  },
  CHAIN_RPC_URL: {
    about: 'An EVM chain of your own. Empty: the embedded local chain.',
    schema: optional,
  },
  OPENLEDGER_UPSTREAM_URL: {
    about:
      'Base URL of an OpenAI-compatible operator to register at start, e.g. http://127.0.0.1:11434/v1.',
    schema: optional,
  },
  OPENLEDGER_UPSTREAM_KEY: {
    about: 'API key for that operator, if it wants one.',
    schema: optional,
  },
  OPENLEDGER_EMBEDDER_URL: {
    about:
      'Base URL of an OpenAI-compatible server of embeddings for hybrid retrieval, e.g. http://127.0.0.1:11434/v1. Empty: vectors are made here.',
    schema: optional,
  },
  OPENLEDGER_EMBEDDER_KEY: {
    about: 'API key for it, if it wants one.',
    schema: optional,
  },
  OPENLEDGER_EMBEDDER_MODEL: {
    about: 'The model to embed with.',
    schema: optional,
  },
  OPENLEDGER_EMBEDDER_DIMENSIONS: {
    about: 'Numbers in each of its vectors.',
    schema: z.coerce.number().int().min(1).max(8192).default(768),
  },
  OPENLEDGER_ALLOW_PRIVATE_OPERATORS: {
    about: '1: operators and the embedder may live on loopback and private addresses.',
    schema: flag.default(true),
  },
  OPENLEDGER_ENGINE_THREADS: {
    about: 'Threads of the local engine. More than the free cores makes it slower.',
    schema: z.coerce.number().int().min(1).max(64).default(2),
  },
  OPENLEDGER_LEASES: {
    about:
      '1: the gateway borrows budgets from the ledger and reserves calls in memory. 0: one hold a call.',
    schema: flag.default(false),
  },
  OPENLEDGER_CACHE_SECONDS: {
    about:
      'How long an answer is given again to who paid for it, for the same request at temperature 0 or with a seed. 0: never.',
    schema: z.coerce.number().int().min(0).max(2_592_000).default(0),
  },
  OPENLEDGER_CACHE_PPM: {
    about: "What an answer given again costs, in parts per million of the model's price.",
    schema: z.coerce.number().int().min(0).max(1_000_000).default(100_000),
  },
  OPENLEDGER_CACHE_SHARED_PPM: {
    about:
      "What an answer costs that another payer had made, where both asked for a shared cache, in parts per million of the model's price.",
    schema: z.coerce.number().int().min(0).max(1_000_000).default(500_000),
  },
  OPENLEDGER_EPOCH_SECONDS: {
    about: 'Length of a settlement epoch.',
    schema: z.coerce.number().int().min(1).max(31_536_000).default(3600),
  },
  OPENLEDGER_DISPUTE_SECONDS: {
    about: 'How long credits stay pending before they can be spent or claimed.',
    schema: z.coerce.number().int().min(0).max(31_536_000).default(2),
  },
  OPENLEDGER_ROOT_WINDOW_SECONDS: {
    about: 'How long a published root can be revoked before it pays.',
    schema: z.coerce.number().int().min(0).max(2_592_000).default(1),
  },
  OPENLEDGER_CHAIN_CONFIRMATIONS: {
    about: 'Blocks on top of a deposit before it is credited, on a chain of your own.',
    schema: z.coerce.number().int().min(0).default(12),
  },
  OPENLEDGER_OTLP_URL: {
    about:
      'Base URL of an OpenTelemetry collector that calls are traced to, by OTLP over HTTP, e.g. http://127.0.0.1:4318. Empty: no tracing.',
    schema: z.url({ protocol: /^https?$/, error: 'Not an http or https URL' }).optional(),
  },
  OPENLEDGER_LOG: {
    about: '1: log events to standard error as JSON lines.',
    schema: flag.default(false),
  },
} as const;

type Settings = {
  readonly [Name in keyof typeof settings]: z.output<(typeof settings)[Name]['schema']>;
};

/** @throws invalid_input when a setting is not what its description asks for, naming the setting */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Settings {
  const entries = Object.entries(settings).map(([name, { schema, about }]) => {
    const parsed = schema.safeParse(environment[name] === '' ? undefined : environment[name]);
    if (parsed.success) return [name, parsed.data];
    const [{ message }] = parsed.error.issues;
    throw new OpenLedgerError('invalid_input', `${name}: ${message}. ${about}`);
  });
  return Object.freeze(Object.fromEntries(entries)) as Settings;
}

export type Config = Settings;
