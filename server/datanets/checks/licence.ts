/** Licences: SPDX expressions against what the datanet takes. */
import { foldExpression } from '../rights/spdx.ts';
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
 * Whether an SPDX expression is fulfilled by allowed ids. `id+` and `id WITH exception` are allowed where the id is.
 *
 * @returns undefined when the text is no such expression
 */
export const allowedBy = (expression: string, ids: ReadonlySet<string>): boolean | undefined =>
  foldExpression(expression, {
    id: (id) => ids.has(id) || ids.has(id.replace(/\+$/, '')),
    both: (a, b) => a && b,
    either: (a, b) => a || b,
  });
