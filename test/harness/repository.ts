/** A git repository in the making, in a temporary folder: each commit has its own author. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type TestRepository = {
  readonly folder: string;
  /** @param author `Name <address>` @param files whole texts by path */
  commit(author: string, message: string, files: Readonly<Record<string, string>>): Promise<void>;
  remove(): Promise<void>;
};

export async function createRepository(): Promise<TestRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-repository-'));
  const git = (args: readonly string[], author: string) => {
    const [, name, email] = /^(.*) <(.*)>$/.exec(author) ?? [];
    execFileSync('git', [...args], {
      cwd: folder,
      env: {
        ...{ PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
        ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email },
        ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email },
      },
    });
  };
  git(['init', '-q', '-b', 'main'], 'Nobody <nobody@example.org>');
  return {
    folder,
    async commit(author, message, files) {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      git(['add', '-A'], author);
      git(['commit', '-q', '-m', message], author);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
