import type { Check } from './candidate.ts';

/** Control characters that text has no use for; tab, line feed, form feed and carriage return are fine. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const BINARY = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/;

/** Text that UTF-8 can write and PostgreSQL can hold, and that was not binary before somebody decoded it. */
export const checkEncoding: Check = ({ text }) => {
  if (!text.isWellFormed()) {
    return {
      reason: 'encoding',
      message: 'The text holds a lone surrogate, which UTF-8 cannot write.',
    };
  }
  const at = text.search(BINARY);
  if (at >= 0) {
    const code = text.charCodeAt(at).toString(16).padStart(4, '0');
    return {
      reason: 'encoding',
      message: `The text holds the control character U+${code} at ${at}.`,
    };
  }
  const replaced = text.split('\ufffd').length - 1;
  if (replaced > 2 && replaced * 200 > text.length) {
    return {
      reason: 'encoding',
      message: `The text holds ${replaced} replacement characters: it was decoded from something else.`,
    };
  }
  return undefined;
};
