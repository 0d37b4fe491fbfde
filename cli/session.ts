/** Which server, with which key: a flag, else the environment, else the profile, else this machine. */
import { type Client, createClient } from '@openledger/sdk';
import { type Arguments, flagOf } from './arguments.ts';
import { readProfile } from './profile.ts';

export const DEFAULT_URL = 'http://127.0.0.1:4180';

export type Session = {
  readonly client: Client;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
};

export async function openSession(args: Pick<Arguments, 'flags'>): Promise<Session> {
  const profile = await readProfile();
  const baseUrl =
    flagOf(args, 'url') ?? process.env.OPENLEDGER_URL ?? profile.baseUrl ?? DEFAULT_URL;
  const apiKey = flagOf(args, 'key') ?? process.env.OPENLEDGER_KEY ?? profile.apiKey;
  return { client: createClient({ baseUrl, apiKey }), baseUrl, apiKey };
}
