/** One JSON line an event: `log.info('fees.routed', { inferenceId, ms })`. Never prompts, outputs or secrets. */
export type Fields = Readonly<Record<string, unknown>>;

export type Log = {
  readonly info: (event: string, fields?: Fields) => void;
  readonly warn: (event: string, fields?: Fields) => void;
  readonly error: (event: string, fields?: Fields) => void;
};

/** @param write takes one finished line, newline included */
export function createLog(write: (line: string) => void): Log {
  const at =
    (level: string) =>
    (event: string, fields: Fields = {}) =>
      write(
        `${JSON.stringify({ at: new Date().toISOString(), level, event, ...plain(fields) })}\n`,
      );
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

const silent = () => {};
export const silentLog: Log = { info: silent, warn: silent, error: silent };

/** Errors and bigints have no JSON of their own. */
const plain = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (value instanceof Error) return [name, value.stack ?? value.message];
      return [name, typeof value === 'bigint' ? value.toString() : value];
    }),
  );
