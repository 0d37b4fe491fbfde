/**
 * Agents: programs that act for a party within a mandate.
 *
 * It promises that
 * - an agent's mandate is a key of identity: how much it may spend, how fast, on which models, until when;
 * - the agent and its key are made together or not at all, and the secret is shown once;
 * - an agent cannot make keys or agents of its own: a limited key makes none;
 * - revoking the key ends the agent at once.
 *
 * It does not enforce the limit (the gateway does, by holds) and holds no money: an agent spends its party's balance.
 * Paid services, nested actions and their receipts come later, and use the same mandate.
 *
 * Tables: agents.agents.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Caller, Identity, Key, KeyLimits } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';

export type Agent = {
  readonly id: Id<'agent'>;
  readonly name: string;
  readonly partyId: Id<'party'>;
  readonly key: Key;
  readonly createdAt: Date;
};

export type Mandate = {
  readonly limitUnits: bigint;
  readonly limits?: KeyLimits;
  readonly models?: readonly string[];
  readonly expiresAt?: Date;
};

export type Agents = {
  /** @throws conflict when the party has an agent of this name, forbidden when the caller cannot hand on as much */
  create(
    caller: Caller,
    order: Mandate & { readonly name: string },
  ): Promise<{ readonly agent: Agent; readonly secret: string }>;
  list(query: { partyId: string; limit: number; after?: string }): Promise<readonly Agent[]>;
};

export type AgentsHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly identity: Pick<Identity, 'createKeyIn' | 'findKeys'>;
};

export function createAgents({ db, clock, identity }: AgentsHandles): Agents {
  return {
    create: (caller, { name, ...mandate }) =>
      db.transaction(async (tx) => {
        const { partyId } = caller;
        const { key, secret } = await identity.createKeyIn(tx, caller, {
          ...mandate,
          partyId,
          label: `agent ${name}`,
          scopes: ['infer', 'read'],
        });
        const createdAt = clock.now();
        const [row] = await tx.query<{ id: Id<'agent'> }>(sql`
          insert into agents.agents (id, party_id, key_id, name, created_at)
          values (${newId('agent', clock)}, ${partyId}, ${key.id}, ${name}, ${createdAt})
          on conflict (party_id, name) do nothing
          returning id`);
        if (!row) throw new OpenLedgerError('conflict', `You have an agent ${name} already.`);
        return { agent: { id: row.id, name, partyId, key, createdAt }, secret };
      }),
    list: (query) => listAgents(db, identity, query),
  };
}

async function listAgents(
  reader: Reader,
  identity: Pick<Identity, 'findKeys'>,
  query: { readonly partyId: string; readonly limit: number; readonly after?: string },
): Promise<readonly Agent[]> {
  const rows = await reader.query<AgentRow>(sql`
    select id, party_id, key_id, name, created_at
    from agents.agents
    where party_id = ${query.partyId} and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  const found = await identity.findKeys(rows.map(({ key_id }) => key_id));
  const keys = new Map(found.map((key) => [key.id, key]));
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    partyId: row.party_id,
    key: keys.get(row.key_id)!, // the foreign key says that it is there
    createdAt: row.created_at,
  }));
}

type AgentRow = {
  id: Id<'agent'>;
  party_id: Id<'party'>;
  key_id: Id<'key'>;
  name: string;
  created_at: Date;
};
