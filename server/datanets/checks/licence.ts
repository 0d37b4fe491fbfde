/** Licences: SPDX expressions against what the datanet takes. */
import type { Check } from './candidate.ts';

/** Taken unless a datanet says otherwise: licences that let everybody train, retrieve and sell, with or without credit. */
export const OPEN_LICENCES: readonly string[] = [
  ...['0BSD', 'Apache-2.0', 'Artistic-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause'],
  ...['BSL-1.0', 'CC0-1.0', 'CC-BY-3.0', 'CC-BY-4.0', 'ISC', 'MIT', 'MIT-0', 'MPL-2.0'],
  ...['PostgreSQL', 'Python-2.0', 'PSF-2.0', 'Unicode-3.0', 'Unlicense', 'WTFPL', 'Zlib'],
];

export const checkLicence: Check = ({ licence, licences }) => {
  if (licence === undefined || licence.trim() === '' || licence.toLowerCase() === 'unknown') {
    return { reason: 'licence', message: 'The text has no known licence.' };
  }
  const allows = allowedBy(licence, new Set(licences));
  if (allows) return undefined;
  const message =
    allows === undefined
      ? `"${licence}" is not an SPDX licence expression.`
      : `The licence ${licence} is not among those this datanet takes.`;
  return { reason: 'licence', message };
};

/**
 * Whether an SPDX expression is fulfilled by allowed ids: for `OR` one side is enough, `AND` needs both and binds closer.
 *
 * Source: SPDX specification 2.3, annex D. `id+` and `id WITH exception` are allowed where the id is.
 *
 * @returns undefined when the text is no such expression
 */
export function allowedBy(expression: string, ids: ReadonlySet<string>): boolean | undefined {
  const tokens = expression.match(/[()]|[A-Za-z0-9.:+-]+/g) ?? [];
  if (expression.length > 200 || tokens.join('') !== expression.replaceAll(' ', ''))
    return undefined;
  let at = 0;
  const take = (token: string) => tokens[at] === token && ++at > 0;

  function either(): boolean | undefined {
    let allowed = both();
    while (allowed !== undefined && take('OR')) {
      const other = both();
      allowed = other === undefined ? undefined : allowed || other;
    }
    return allowed;
  }

  function both(): boolean | undefined {
    let allowed = simple();
    while (allowed !== undefined && take('AND')) {
      const other = simple();
      allowed = other === undefined ? undefined : allowed && other;
    }
    return allowed;
  }

  function simple(): boolean | undefined {
    if (take('(')) {
      const inside = either();
      return take(')') ? inside : undefined;
    }
    const id = tokens[at++];
    if (id === undefined || /^([()]|OR|AND|WITH)$/.test(id)) return undefined;
    if (take('WITH') && !isId(tokens[at++])) return undefined;
    return ids.has(id) || ids.has(id.replace(/\+$/, ''));
  }

  const allowed = either();
  return at === tokens.length ? allowed : undefined;
}

const isId = (token: string | undefined): boolean =>
  token !== undefined && !/^([()]|OR|AND|WITH)$/.test(token);
