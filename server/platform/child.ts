/** A child process that runs one of our files and speaks in typed messages: heavy numbers stay off the server's event loop. */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

export type Child<ToChild, FromChild> = {
  send(message: ToChild): void;
  onMessage(listen: (message: FromChild) => void): void;
  /** Called once, with why: an exit status, a signal, or an error of starting. */
  onExit(listen: (reason: string) => void): void;
  kill(): void;
};

/**
 * @param file the module to run: a file URL beside the caller
 */
export function startChild<ToChild, FromChild>(file: URL): Child<ToChild, FromChild> {
  const child: ChildProcess = fork(fileURLToPath(file), [], {
    execArgv: file.pathname.endsWith('.ts') ? sourceLoader() : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  const leave = () => child.kill('SIGKILL');
  process.once('exit', leave);
  child.once('exit', () => process.off('exit', leave));
  return {
    send: (message) => {
      if (child.connected) child.send(message as object);
    },
    onMessage: (listen) => child.on('message', (message) => listen(message as FromChild)),
    onExit: (listen) => {
      let told = false;
      const tell = (reason: string) => {
        if (!told) listen(reason);
        told = true;
      };
      child.once('error', (error) => tell(error.message));
      child.once('exit', (code, signal) =>
        tell(`exit ${signal ?? code}${complaint ? `: ${complaint}` : ''}`),
      );
    },
    kill: leave,
  };
}

/** The child's side: receives messages, answers them, and ends when its parent does. */
export function serveParent<FromParent, ToParent>(
  listen: (message: FromParent) => void,
): { send(message: ToParent): void } {
  process.on('message', (message) => listen(message as FromParent));
  process.on('disconnect', () => process.exit(0));
  return { send: (message) => process.send?.(message) };
}

/** From source, a child needs the same loader and export condition as its parent, wherever it was started from. */
function sourceLoader(): string[] {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  return ['--import', tsx.href, '--conditions=openledger'];
}
