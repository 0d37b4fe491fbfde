/** The short verbs, each in `commands/<verb>.ts`, read when it is called. The nouns come from the table. */

/** @param argv the words after the verb @returns the exit status */
export type Command = (argv: readonly string[]) => Promise<number>;

export const commands: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>
> = {
  audit: {
    summary: 'Replay the ledger and name the first difference; --offline needs no server',
    load: async () => (await import('./commands/audit.ts')).audit,
  },
  demo: {
    summary: 'Turn the loop once on a git repository: demo --repo DIR',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  doctor: {
    summary: 'Look whether this machine has what OpenLedger needs',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  eval: {
    summary:
      'Measure retrieval on a labelled set: eval retrieval --datanet NAME --labels FILE.jsonl [--mode words,hybrid] [--k 10]',
    load: async () => (await import('./commands/eval.ts')).evaluate,
  },
  explain: {
    summary:
      'Show what a party has earned, or who has what of a price and why: explain [PARTY | RECEIPT | FILE.json]',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  export: {
    summary:
      'Write a snapshot and its Croissant description: export SNAPSHOT [--to DIR] [--parquet]',
    load: async () => (await import('./commands/export.ts')).exportSnapshot,
  },
  fetch: {
    summary: "Keep a receipt's file to verify it: fetch RECEIPT [--to FILE]",
    load: async () => (await import('./commands/fetch.ts')).fetchReceipt,
  },
  import: {
    summary:
      'Contribute what lies here: import KIND PATH --datanet NAME [--licence SPDX]; without a kind it lists them',
    load: async () => (await import('./commands/import.ts')).importSource,
  },
  keys: {
    summary: 'Make a local key file, or remember an API key: keys new FILE, keys use SECRET',
    load: async () => (await import('./commands/keys.ts')).keys,
  },
  replay: {
    summary: "Have a receipt's answer measured once more, and compare: replay RECEIPT",
    load: async () => (await import('./commands/replay.ts')).replay,
  },
  serve: {
    summary: 'Serve on a database and a chain that others share: serve [--port PORT] [--data DIR]',
    load: async () => (await import('./commands/roles.ts')).serve,
  },
  trace: {
    summary:
      'Show whose words stand in an answer, or in files: trace INFERENCE, trace FILE... --datanet NAME [--sentences]',
    load: async () => (await import('./commands/trace.ts')).trace,
  },
  up: {
    summary:
      'Start everything here, and turn the first loop on an empty data folder; --once ends after it',
    load: async () => (await import('./commands/up.ts')).up,
  },
  verify: {
    summary: "Check a receipt's file offline: verify FILE [--recompute --snapshot FILE]",
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  work: {
    summary:
      'Do what nobody waits for, on a database and a chain that others share: work [--data DIR]',
    load: async () => (await import('./commands/roles.ts')).work,
  },
};
