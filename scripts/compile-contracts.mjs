/**
 * Compiles contracts/src with npm's solc and writes contracts/abi: no network, the same bytes on every machine.
 *
 *   node scripts/compile-contracts.mjs           writes what changed
 *   node scripts/compile-contracts.mjs --check   writes nothing; fails if the committed files differ
 */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const sourceFolder = join(root, 'contracts/src');
const abiFolder = join(root, 'contracts/abi');

/** Contracts that are deployed; each becomes one file of the abi folder. */
const deployed = ['OpenToken', 'Settlement'];

/** Warnings that are not ours to mend: what they say, and why that is fine. */
const known = [
  /^Warning: Transient storage as defined by EIP-1153.*@openzeppelin/s, // OpenZeppelin's guard clears it after each call
];

const settings = {
  optimizer: { enabled: true, runs: 1_000_000 }, // paid once at deployment, saved at every claim
  evmVersion: 'cancun', // the reentrancy guard's transient storage
  metadata: { bytecodeHash: 'none', appendCBOR: false }, // else the bytes depend on comments and paths
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};

const check = process.argv.includes('--check');
const files = render(await compile());
const stale = [];
for (const [name, text] of files) {
  const path = join(abiFolder, name);
  if ((await readFile(path, 'utf8').catch(() => '')) !== text) stale.push([path, text]);
}
const left = (await readdir(abiFolder).catch(() => [])).filter((name) => !files.has(name));

if (check && (stale.length > 0 || left.length > 0)) {
  const names = [...stale.map(([path]) => path), ...left];
  console.error(`Not what contracts/src compiles to: ${names.join(', ')}. Run: npm run contracts`);
  process.exit(1);
}
if (!check) {
  await mkdir(abiFolder, { recursive: true });
  for (const [path, text] of stale) await writeFile(path, text);
}
console.log(
  `contracts: ${files.size} compiled with solc ${solc.version()}, ${stale.length} changed`,
);

async function compile() {
  const sources = {};
  for (const name of deployed) {
    sources[`${name}.sol`] = { content: await readFile(join(sourceFolder, `${name}.sol`), 'utf8') };
  }
  const input = { language: 'Solidity', sources, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findSource }));
  const complaints = (output.errors ?? []).filter(
    ({ formattedMessage }) => !known.some((pattern) => pattern.test(formattedMessage)),
  );
  if (complaints.length > 0) {
    console.error(complaints.map(({ formattedMessage }) => formattedMessage).join('\n'));
    process.exit(1);
  }
  return output.contracts;
}

/** solc asks for imports synchronously, so the packages' files are read that way. */
function findSource(path) {
  try {
    const file = path.startsWith('@') ? require.resolve(path) : join(sourceFolder, path);
    return { contents: readFileSync(file, 'utf8') };
  } catch (error) {
    return { error: String(error) };
  }
}

function render(contracts) {
  return new Map(
    deployed.map((name) => {
      const { abi, evm } = contracts[`${name}.sol`][name];
      const word = name[0].toLowerCase() + name.slice(1);
      const text = [
        `/** Generated from contracts/src/${name}.sol by scripts/compile-contracts.mjs: do not edit. */`,
        `export const ${word}Abi = ${JSON.stringify(abi, undefined, 2)} as const;`,
        '',
        `export const ${word}Bytecode =`,
        `  '0x${evm.bytecode.object}';`,
        '',
      ].join('\n');
      return [`${name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase()}.ts`, text];
    }),
  );
}
