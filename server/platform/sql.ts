/** SQL as SQL, with every value a parameter: sql`select id from x.y where id = ${id}`. */
export type Sql = {
  readonly text: string;
  readonly values: readonly unknown[];
  /** A statement with a name is planned once a connection. */
  readonly name?: string;
};

const FRAGMENT = Symbol('sql');
type Fragment = Sql & { readonly [FRAGMENT]: true };

const isFragment = (value: unknown): value is Fragment =>
  typeof value === 'object' && value !== null && FRAGMENT in value;

/** Values become $1, $2, ...; a nested sql`...` is spliced in. Bigints travel as decimal text. */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): Sql {
  const parameters: unknown[] = [];
  let text = '';
  const splice = (piece: TemplateStringsArray | readonly string[], holes: readonly unknown[]) => {
    piece.forEach((part, index) => {
      text += part;
      if (index >= holes.length) return;
      const hole = holes[index];
      if (isFragment(hole)) splice(hole.text.split(/\$\d+/), hole.values);
      else text += `$${parameters.push(wire(hole))}`;
    });
  };
  splice(strings, values);
  return { text, values: parameters, [FRAGMENT]: true } as Fragment;
}

/** Has a statement planned once a connection; the name stands for this one text. */
export const prepared = (name: string, { text, values }: Sql): Sql => ({ name, text, values });

function wire(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(wire);
  return value;
}

/**
 * An array as PostgreSQL reads it, for arrays long enough that quoting each value would cost. Whoever calls it has quoted
 * what may hold a comma, a quote, a brace or a blank, and writes NULL for what is missing.
 */
export const arrayText = (values: readonly (string | number | bigint)[]): string =>
  `{${values.join(',')}}`;

/** Any text as an element of `arrayText`. */
export const quoted = (text: string | undefined): string =>
  text === undefined ? 'NULL' : `"${SPECIAL.test(text) ? text.replace(/[\\"]/g, '\\$&') : text}"`;

const SPECIAL = /[\\"]/;
