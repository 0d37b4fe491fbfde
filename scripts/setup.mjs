/**
 * Makes a checkout ready, then runs what was asked for: `node scripts/setup.mjs [--then script args...]`.
 *
 * Needs nothing but Node and npm: it runs before any dependency exists. Installs when `node_modules` does not match the
 * lock file, and builds the console when its sources are newer than the build.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...path) => join(root, ...path);

requireNode();
install();
buildConsole();
runNext();

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`OpenLedger needs Node 20.19 or newer; this is ${process.versions.node}.`);
}

function install() {
  const stamp = at('node_modules', '.openledger-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('Installing the packages of package-lock.json ...');
  run('npm', ['ci', '--no-progress', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}

function buildConsole() {
  const built = at('web', 'dist', 'index.html');
  const sources = [at('web'), at('protocol'), at('sdk')].flatMap(filesUnder);
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return;
  say('Building the console ...');
  run(process.execPath, [
    at('node_modules', 'vite', 'bin', 'vite.js'),
    'build',
    '--logLevel',
    'error',
    at('web'),
  ]);
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'dist' || entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** Hands over: same terminal, same signals, same exit status. */
function runNext() {
  const next = process.argv.indexOf('--then');
  if (next < 0) return;
  const [script, ...args] = process.argv.slice(next + 1);
  const child = spawn(process.execPath, [at(script), ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${command} ${args[0]} failed${error ? `: ${error.message}` : '.'}`);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
