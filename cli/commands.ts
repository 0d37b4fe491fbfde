/** The short verbs, each in `commands/<verb>.ts`, read when it is called. The nouns come from the table. */

/** @param argv the words after the verb @returns the exit status */
export type Command = (argv: readonly string[]) => Promise<number>;

export const commands: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>
> = {
  doctor: {
    summary: 'Look whether this machine has what OpenLedger needs',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  keys: {
    summary: 'Make a local key file, or remember an API key: keys new FILE, keys use SECRET',
    load: async () => (await import('./commands/keys.ts')).keys,
  },
};
