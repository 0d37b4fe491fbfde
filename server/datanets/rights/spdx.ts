/** SPDX licence expressions: `MIT`, `Apache-2.0 AND (MIT OR CC0-1.0)`, `GPL-2.0-only WITH Classpath-exception-2.0`. */

/** What an id means to the asker, and how meanings are joined. */
export type Fold<T> = {
  readonly id: (id: string) => T;
  /** `AND`: both licences hold. */
  readonly both: (a: T, b: T) => T;
  /** `OR`: the user chooses. */
  readonly either: (a: T, b: T) => T;
};

/**
 * Reads an SPDX expression from its ids upward; `AND` binds closer than `OR`, an exception is passed over.
 *
 * Source: SPDX specification 2.3, annex D.
 *
 * @returns undefined when the text is no such expression
 */
export function foldExpression<T>(expression: string, fold: Fold<T>): T | undefined {
  const tokens = expression.match(/[()]|[A-Za-z0-9.:+-]+/g) ?? [];
  if (expression.length > 200 || tokens.join('') !== expression.replaceAll(' ', ''))
    return undefined;
  let at = 0;
  const take = (token: string) => tokens[at] === token && ++at > 0;
  const join = (a: T | undefined, b: T | undefined, how: Fold<T>['both']) =>
    a === undefined || b === undefined ? undefined : how(a, b);

  function either(): T | undefined {
    let value = both();
    while (value !== undefined && take('OR')) value = join(value, both(), fold.either);
    return value;
  }

  function both(): T | undefined {
    let value = simple();
    while (value !== undefined && take('AND')) value = join(value, simple(), fold.both);
    return value;
  }

  function simple(): T | undefined {
    if (take('(')) {
      const inside = either();
      return take(')') ? inside : undefined;
    }
    const id = tokens[at++];
    if (!isId(id) || (take('WITH') && !isId(tokens[at++]))) return undefined;
    return fold.id(id);
  }

  const value = either();
  return at === tokens.length ? value : undefined;
}

const isId = (token: string | undefined): token is string =>
  token !== undefined && !/^([()]|AND|OR|WITH)$/.test(token);
