/** DuckDB, which reads and writes Parquet: an optional package, loaded when a Parquet file is met. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { OpenLedgerError } from '@openledger/sdk';

/** Reading a file that was made to be large ends in an error, not in the machine's last byte. */
const MEMORY = '512MB';

/**
 * Opens a database in memory that can reach these files and nothing else: no other file, no network, no extension.
 *
 * @param files absolute paths
 * @throws unavailable where the package is not installed
 */
export async function openDuckDb(files: readonly string[]): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw new OpenLedgerError(
      'unavailable',
      'Parquet needs the optional package @duckdb/node-api, which is not installed here.',
      {},
      { cause },
    );
  });
  const instance = await DuckDBInstance.create(':memory:', {
    ...{ autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' },
    // One thread keeps the order of rows, and leaves the machine to others.
    ...{ threads: '1', memory_limit: MEMORY, temp_directory: '' },
  });
  const connection = await instance.connect();
  await connection.run(`set allowed_paths = [${files.map(quoted).join(', ')}]`);
  await connection.run('set enable_external_access = false');
  await connection.run('set lock_configuration = true');
  return connection;
}

/** A text as SQL writes it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
