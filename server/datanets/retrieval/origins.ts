/** Where in its contribution a passage stands: the contribution, and the lines it came from, back through the refinements. */
import type { Id } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';

export type Origin = {
  readonly contributionId: Id<'contribution'>;
  /** The first and the last line of the contributed text, both from 1; its lines may have others in between. */
  readonly lines: { readonly from: number; readonly to: number };
};

type Derived = {
  readonly recordHash: string;
  readonly documentHash: string;
  readonly text: string;
};

/** Refinements that can follow one another. */
const DEEPEST = 8;

/** @returns by the hash of the record */
export async function findOrigins(
  reader: Reader,
  datanetId: string,
  records: readonly Derived[],
): Promise<ReadonlyMap<string, Origin>> {
  const edges = await readEdges(
    reader,
    datanetId,
    records.map(({ recordHash }) => recordHash),
  );
  const documents = [...new Set(records.map(({ documentHash }) => documentHash))];
  const contributions = await reader.query<{ hash: string; id: Id<'contribution'> }>(sql`
    select record_hash as hash, id
    from datanets.contributions
    where datanet_id = ${datanetId} and record_hash = any(${documents}::text[])`);
  const idOf = new Map(contributions.map(({ hash, id }) => [hash, id]));
  const origins = new Map<string, Origin>();
  for (const { recordHash, documentHash, text } of records) {
    const own = text.split('\n').map((_, i) => i + 1);
    const lines = linesIn(edges, { hash: recordHash, lines: own }, documentHash, DEEPEST);
    const contributionId = idOf.get(documentHash);
    if (!contributionId || !lines) continue;
    const from = lines.reduce((a, b) => Math.min(a, b));
    const to = lines.reduce((a, b) => Math.max(a, b));
    origins.set(recordHash, { contributionId, lines: { from, to } });
  }
  return origins;
}

/** Where single lines of records stand in their contributions, all from 1; undefined where no way leads there. */
export async function documentLines(
  reader: Reader,
  datanetId: string,
  asked: readonly (Omit<Derived, 'text'> & { readonly lines: readonly number[] })[],
): Promise<readonly (readonly (number | undefined)[])[]> {
  const derived = asked.filter(({ recordHash, documentHash }) => recordHash !== documentHash);
  const edges = await readEdges(reader, datanetId, [
    ...new Set(derived.map(({ recordHash }) => recordHash)),
  ]);
  return asked.map(({ recordHash, documentHash, lines }) =>
    lines.map(
      (line) => linesIn(edges, { hash: recordHash, lines: [line] }, documentHash, DEEPEST)?.[0],
    ),
  );
}

type Edge = { readonly child: string; readonly parent: string; readonly lines: readonly number[] };

async function readEdges(
  reader: Reader,
  datanetId: string,
  hashes: readonly string[],
): Promise<readonly Edge[]> {
  const edges: Edge[] = [];
  let children = hashes;
  for (let depth = 0; depth < DEEPEST && children.length > 0; depth++) {
    const found = await reader.query<Edge>(sql`
      select child_hash as child, parent_hash as parent, lines
      from datanets.lineage
      where datanet_id = ${datanetId} and child_hash = any(${[...children]}::text[])
      order by parent_hash, position`);
    edges.push(...found);
    children = [...new Set(found.map(({ parent }) => parent))];
  }
  return edges;
}

/** @param at a record, and lines of it @returns the document's lines, or undefined where no way leads to it */
function linesIn(
  edges: readonly Edge[],
  at: { readonly hash: string; readonly lines: readonly number[] },
  document: string,
  steps: number,
): readonly number[] | undefined {
  if (at.hash === document) return at.lines;
  if (steps === 0) return undefined;
  for (const { child, parent, lines } of edges) {
    if (child !== at.hash) continue;
    const above = at.lines.flatMap((line) => lines[line - 1] ?? []);
    const found = linesIn(edges, { hash: parent, lines: above }, document, steps - 1);
    if (found && found.length > 0) return found;
  }
  return undefined;
}
