import { type AuditReport, audit } from '../../server/ledger/index.ts';
import type { Db, Tx } from '../../server/platform/db.ts';
import type { Sql } from '../../server/platform/sql.ts';

/** Audits what a transaction sees. An audit sets its isolation first; in a transaction that has begun that is too late, so it is left out. */
export const auditWithin = (db: Db, tx: Tx): Promise<AuditReport> =>
  audit({
    ...db,
    transaction: (work) =>
      work({
        atomic: true,
        query: async <Row extends Record<string, unknown>>(statement: Sql) =>
          statement.text.startsWith('set transaction') ? [] : tx.query<Row>(statement),
      }),
  });
