/** What the command line remembers: where the server is, and the key to it. A file only its owner can read. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { OpenLedgerError } from '@openledger/sdk';

export type Profile = { readonly baseUrl?: string; readonly apiKey?: string };

const home = (): string => process.env.OPENLEDGER_CLI_HOME ?? join(homedir(), '.openledger');

export const profilePath = (): string => join(home(), 'cli.json');

/** An absent file is an empty profile. @throws invalid_input when it holds something else */
export async function readProfile(): Promise<Profile> {
  const path = profilePath();
  const text = await readFile(path, 'utf8').catch(() => '{}');
  try {
    const { baseUrl, apiKey } = JSON.parse(text) as Record<string, unknown>;
    return {
      baseUrl: typeof baseUrl === 'string' ? baseUrl : undefined,
      apiKey: typeof apiKey === 'string' ? apiKey : undefined,
    };
  } catch (cause) {
    throw new OpenLedgerError(
      'invalid_input',
      `${path} is not JSON: repair or delete it.`,
      {},
      { cause },
    );
  }
}

/** Keeps what the change does not name. */
export async function writeProfile(change: Profile): Promise<void> {
  const profile = { ...(await readProfile()), ...change };
  await writePrivately(profilePath(), `${JSON.stringify(profile, null, 2)}\n`);
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export async function writePrivately(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600); // a draft left behind keeps its old mode
  await rename(draft, path);
}
