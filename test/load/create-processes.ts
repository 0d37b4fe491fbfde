/** The processes of a run, by what they are. */
import { join } from 'node:path';
import { freePort } from '../../server/platform/postgres.ts';
import { createNamedProcess, type NamedProcess, type Spawner } from './named-process.ts';
import type { ServerCall } from './server-process.ts';
import type { WorldPlan } from './world.ts';

const SERVER = 'test/load/server-process.ts';
const OPERATOR = 'test/harness/mock-operator/main.ts';

export type Processes = {
  readonly gateways: readonly NamedProcess[];
  readonly workers: readonly NamedProcess[];
  readonly operators: readonly NamedProcess[];
  readonly journals: readonly string[];
};

type Shared = Pick<ServerCall, 'databaseUrl' | 'rpcUrl' | 'keys' | 'folder'>;

export async function createProcesses(
  spawner: Spawner,
  plan: Pick<WorldPlan, 'gateways' | 'workers' | 'operators'>,
  { folder, ...shared }: Shared,
): Promise<Processes> {
  const server = async (role: ServerCall['role'], name: string): Promise<NamedProcess> => {
    const port = await freePort();
    const call: ServerCall = { ...shared, role, port, folder: join(folder, name) };
    const words = { script: SERVER, args: [], input: JSON.stringify(call) };
    return createNamedProcess(spawner, { name, port, ...words });
  };
  const gateways: NamedProcess[] = [];
  for (let number = 0; number < plan.gateways; number++) {
    gateways.push(await server('serve', `gateway-${number}`));
  }
  const workers: NamedProcess[] = [];
  for (let number = 0; number < plan.workers; number++) {
    workers.push(await server('work', `worker-${number}`));
  }
  const operators: NamedProcess[] = [];
  const journals: string[] = [];
  for (const [number, faults] of plan.operators.entries()) {
    const [name, port] = [`mock-${number}`, await freePort()];
    const journal = join(folder, `${name}.jsonl`);
    const args = [name, `${port}`, journal, JSON.stringify(faults)];
    operators.push(createNamedProcess(spawner, { name, port, script: OPERATOR, args }));
    journals.push(journal);
  }
  return { gateways, workers, operators, journals };
}
