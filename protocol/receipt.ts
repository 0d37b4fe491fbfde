/**
 * The receipt: one inference's signed account of who contributed, built and executed, what it cost and who earned.
 *
 * A leaf of the log holds the receipt and its signature in canonical JSON (`receiptLeaf`). Texts are not in it, only
 * salted commitments to them: whoever is shown a salt and its text can check them, and deleting the salt erases.
 * Later knowledge comes in leaves of its own, each naming the receipt's hash: so far `reversal`.
 */
import { z } from 'zod';
import { concatBytes, fromHex, utf8 } from './bytes.ts';
import { canonicalHash, canonicalize } from './canonical.ts';
import { ChannelEvidence, recordsOfChannels } from './channel-evidence.ts';
import { EmbeddingRequestDocument } from './embedding.ts';
import { Evidence } from './evidence.ts';
import { Sha256Hex, sha256Hex } from './hash.ts';
import { type Id, idSchema } from './ids.ts';
import { OPEN, Units } from './money.ts';
import { feeRoles } from './policy.ts';
import { ShareList, snapshotRoles } from './shares.ts';
import { Address, WalletSignature } from './signatures.ts';
import { PricedBy } from './terms.ts';
import type { TypedData } from './typed-data.ts';

export const RECEIPT_VERSION = 'openledger-receipt-1';

const Party = idSchema('party');
const Tokens = z.number().int().min(0);

/** A snapshot behind an inference: by its manifest's hash, in its part, with the pool that its prior pays. */
export const ReceiptSnapshot = z.strictObject({
  snapshot: idSchema('snapshot'),
  hash: Sha256Hex,
  role: z.enum(snapshotRoles),
  pool: z.string().regex(/^pool:snp_[0-9a-f]{32}:[1-9][0-9]*$/),
});
export type ReceiptSnapshot = z.output<typeof ReceiptSnapshot>;

export const ReceiptLeg = z.strictObject({
  role: z.enum(feeRoles),
  account: z.string().min(1).max(200),
  units: Units,
});

/** What stands in every kind of receipt. */
const entry = {
  version: z.literal(RECEIPT_VERSION),
  id: idSchema('receipt'),
};

export const InferenceReceipt = z
  .strictObject({
    ...entry,
    kind: z.literal('receipt'),
    inference: idSchema('inference'),
    servedAt: z.iso.datetime(),
    parties: z.strictObject({
      payer: Party,
      operator: Party,
      builder: Party,
      /** The base model's builder, when an adapter was served. */
      base: Party.nullable(),
    }),
    model: z.strictObject({
      name: z.string().min(1).max(300),
      hash: Sha256Hex.nullable(),
      adapter: Sha256Hex.nullable(),
      /** What a reader must know about how the answer was made, e.g. "infinity-gram interpolated". */
      engine: z.string().max(200).nullable(),
    }),
    /** Salted commitments to what was asked and answered. */
    request: Sha256Hex,
    output: Sha256Hex,
    /** Empty when no registered data stands behind the inference. */
    snapshots: z.array(ReceiptSnapshot),
    /** Records the gateway put into the prompt, in order. */
    retrieved: z.array(z.strictObject({ record: Sha256Hex, snapshot: idSchema('snapshot') })),
    usage: z.strictObject({ promptTokens: Tokens, completionTokens: Tokens }),
    price: z.strictObject({
      asset: z.literal(OPEN),
      units: Units,
      /** What makes the units of the usage; left out where that was not kept. */
      terms: PricedBy.optional(),
    }),
    /** SHA-256 of the fee policy's canonical document. */
    policy: Sha256Hex,
    /** null when there was nothing to trace against. */
    attribution: Evidence.nullable(),
    /** What the engine measured beside the trace; null where nothing is to be told apart, or no engine of ours can measure it. */
    channels: ChannelEvidence.nullable(),
    /** Who the data leg belongs to; empty without registered data. */
    shares: z.union([ShareList, z.tuple([])]),
    /** The price by role, the data leg among them; legs of nothing are left out. */
    legs: z.array(ReceiptLeg),
    ledger: z.strictObject({
      /** null for a price of nothing. */
      transaction: idSchema('transaction').nullable(),
      /** The settlement period in which the credits are pending. */
      epoch: z.number().int().min(0),
    }),
    /** Hash of the receipt of the action that this one belongs to. */
    parent: Sha256Hex.nullable(),
    /** The receipt of the call that made this answer, where it was given again; left out where it was made anew. */
    cachedFrom: idSchema('receipt').optional(),
  })
  .refine(({ id, inference }) => id === receiptIdOf(inference), {
    path: ['id'],
    error: "An inference's receipt bears its id.",
  })
  .refine(({ id, cachedFrom }) => id !== cachedFrom, {
    path: ['cachedFrom'],
    error: 'An answer is not given again by the call that made it.',
  });
export type InferenceReceipt = z.output<typeof InferenceReceipt>;

/** Every record that its evidence names, with the snapshot through which it takes part; one may stand there twice. */
export const recordsCited = ({
  attribution,
  channels,
}: Pick<InferenceReceipt, 'attribution' | 'channels'>): ReturnType<typeof recordsOfChannels> => [
  ...(attribution?.spans ?? []).flatMap(({ records }) =>
    records.map(({ record, snapshot }) => ({ record, snapshot })),
  ),
  ...recordsOfChannels(channels ?? undefined),
];

/** Takes back units of an earlier receipt: a refund, a takedown, a lost dispute. */
export const ReversalReceipt = z.strictObject({
  ...entry,
  kind: z.literal('reversal'),
  /** Hash of the receipt it reverses. */
  of: Sha256Hex,
  reason: z.enum(['refund', 'takedown', 'dispute']),
  reversedAt: z.iso.datetime(),
  /** Units of the price that are taken back by this reversal. */
  units: Units,
  ledger: z.strictObject({ transaction: idSchema('transaction') }),
});
export type ReversalReceipt = z.output<typeof ReversalReceipt>;

export const Receipt = z.discriminatedUnion('kind', [InferenceReceipt, ReversalReceipt]);
export type Receipt = z.output<typeof Receipt>;

/** The receipt's name: SHA-256 of its canonical JSON, lower-case hex. */
export const receiptHash = (receipt: Receipt): string => canonicalHash(receipt);

/** An inference has one receipt; its id is known before the receipt is. */
export const receiptIdOf = (inferenceId: string): Id<'receipt'> =>
  inferenceId.replace(/^inf_/, 'rct_') as Id<'receipt'>;

export const ReceiptSignature = z.strictObject({
  scheme: z.literal('eip712'),
  signer: Address,
  value: WalletSignature,
});
export type ReceiptSignature = z.output<typeof ReceiptSignature>;

export type SignedReceipt = { readonly receipt: Receipt; readonly signature: ReceiptSignature };

/** What is signed, as a wallet shows it (EIP-712): the receipt's id and hash. */
export const receiptTypedData = (receipt: Receipt): TypedData => ({
  domain: { name: 'OpenLedger receipt', version: '1' },
  types: {
    Receipt: [
      { name: 'id', type: 'string' },
      { name: 'hash', type: 'bytes32' },
    ],
  },
  primaryType: 'Receipt',
  message: { id: receipt.id, hash: `0x${receiptHash(receipt)}` },
});

/** RFC 6962 leaf data: receipt and signature together, so that the log also says who signed. */
export const receiptLeaf = ({ receipt, signature }: SignedReceipt): Uint8Array =>
  utf8(canonicalize({ receipt, signature }));

/** A text shown to somebody: [32] bytes of salt in hex, and the text. */
export const Disclosure = z.strictObject({ salt: Sha256Hex, text: z.string() });
export type Disclosure = z.output<typeof Disclosure>;

/** SHA-256(salt | UTF-8 of the text), lower-case hex. Without the salt nobody can try texts against it. */
export const commitment = ({ salt, text }: Disclosure): string =>
  sha256Hex(concatBytes(fromHex(salt), utf8(text)));

/** A call of a tool that a model asked for. */
export const ToolCall = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** JSON, as the model wrote it: it may be broken. */
  arguments: z.string(),
});
export type ToolCall = z.output<typeof ToolCall>;

const JsonText = z.string().refine((text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}, 'Not JSON.');

const GenerationDocument = z.strictObject({
  kind: z.enum(['chat', 'completion']),
  model: z.string(),
  messages: z.array(
    z.strictObject({
      role: z.string(),
      content: z.string(),
      toolCalls: z.array(ToolCall).optional(),
      toolCallId: z.string().optional(),
      /** Of a tool that failed; left out elsewhere. */
      isError: z.literal(true).optional(),
    }),
  ),
  /** The tools offered, each as JSON text: their schemas may hold numbers that canonical JSON does not. */
  tools: z.array(JsonText).optional(),
  /** The form asked for, as JSON text; absent for plain text. */
  responseFormat: JsonText.optional(),
});

/** What the commitment to a request commits to, in canonical JSON. */
export const RequestDocument = z.discriminatedUnion('kind', [
  GenerationDocument,
  EmbeddingRequestDocument,
]);
export type RequestDocument = z.output<typeof RequestDocument>;

/** The texts the client supplied: what repeats them is echo, whoever they say has spoken. Vectors repeat nothing. */
export const clientTextsOf = (request: RequestDocument): readonly string[] =>
  request.kind === 'embedding' ? [] : textsOf(request);

const textsOf = ({
  messages,
  tools = [],
  responseFormat,
}: z.output<typeof GenerationDocument>): readonly string[] => [
  ...messages.map(({ content }) => content),
  ...messages.flatMap(({ toolCalls = [] }) => toolCalls.map((call) => call.arguments)),
  ...[...tools, ...(responseFormat ? [responseFormat] : [])].map((json) =>
    textsIn(JSON.parse(json)).join('\n'),
  ),
];

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

/** What the commitment to an answer commits to, and what is attributed: its text, then each call of a tool on a line. */
export const outputText = (text: string, toolCalls: readonly Omit<ToolCall, 'id'>[]): string =>
  [
    ...(text === '' && toolCalls.length > 0 ? [] : [text]),
    ...toolCalls.map((call) => `${call.name}(${call.arguments})`),
  ].join('\n');
