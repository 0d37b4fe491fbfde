/** The operators that may execute here: registered, looked up, never without an address check. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Models } from '../models/index.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { assertReachable } from '../platform/reachable.ts';
import { sql } from '../platform/sql.ts';
import { anthropicOperator } from './operators/anthropic.ts';
import { localOperator } from './operators/local.ts';
import { type Dialect, openAiOperator } from './operators/openai.ts';
import type { Operator, OperatorKind } from './operators/operator.ts';
import { endpointAt } from './operators/transport.ts';

export type OperatorRow = {
  readonly name: string;
  readonly kind: OperatorKind;
  readonly partyId: Id<'party'>;
  readonly baseUrl: string | undefined;
};

/**
 * Registers an operator, or changes its address and key.
 *
 * @throws forbidden when its address is private and that is not allowed; conflict when the name is another party's
 */
export async function registerOperator(
  tx: Tx,
  operator: OperatorRow & { readonly apiKey?: string },
  { allowPrivate }: { readonly allowPrivate: boolean },
): Promise<void> {
  if (operator.baseUrl) {
    await assertReachable(operator.baseUrl, { what: 'The operator', allowPrivate });
  }
  const registered = await tx.query(sql`
    insert into gateway.operators (name, kind, party_id, base_url, api_key)
    values (${operator.name}, ${operator.kind}, ${operator.partyId}, ${operator.baseUrl ?? null}, ${operator.apiKey ?? null})
    on conflict (name) do update
    set base_url = excluded.base_url, api_key = excluded.api_key
    where operators.kind = excluded.kind and operators.party_id = excluded.party_id
    returning name`);
  if (registered.length > 0) return;
  throw new OpenLedgerError('conflict', `There is another operator called ${operator.name}.`);
}

type Row = {
  name: string;
  kind: OperatorKind;
  party_id: Id<'party'>;
  base_url: string | null;
  api_key: string | null;
};

export type FoundOperator = Omit<OperatorRow, 'name'> & { readonly operator: Operator };

/** @throws not_found */
export async function findOperator(
  { db, models }: { readonly db: Reader; readonly models: Models },
  name: string,
): Promise<FoundOperator> {
  const [row] = await db.query<Row>(sql`
    select name, kind, party_id, base_url, api_key
    from gateway.operators
    where name = ${name}`);
  if (!row) throw new OpenLedgerError('not_found', `No operator ${name}.`);
  const { kind, party_id: partyId, base_url } = row;
  return { operator: operatorOf(row, models), kind, partyId, baseUrl: base_url ?? undefined };
}

/** What speaks OpenAI's words, and what each does in its own way. */
const dialects: Readonly<Record<Exclude<OperatorKind, 'local' | 'anthropic'>, Dialect>> = {
  openai: { hasTopK: false },
  vllm: { hasTopK: true },
  'llama.cpp': { hasTopK: true },
  ollama: { hasTopK: false },
};

function operatorOf({ kind, base_url, api_key: apiKey }: Row, models: Models): Operator {
  if (kind === 'local') return localOperator(models);
  const baseUrl = base_url as string;
  if (kind === 'anthropic') return anthropicOperator({ baseUrl, apiKey });
  const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
  return openAiOperator(endpointAt(baseUrl, headers), dialects[kind]);
}

export async function listOperators(on: Reader): Promise<readonly OperatorRow[]> {
  const rows = await on.query<Row>(sql`
    select name, kind, party_id, base_url, null as api_key
    from gateway.operators
    order by name`);
  return rows.map((row) => ({
    name: row.name,
    kind: row.kind,
    partyId: row.party_id,
    baseUrl: row.base_url ?? undefined,
  }));
}
