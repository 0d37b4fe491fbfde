/** A git repository in the making, in a temporary folder: each commit has its own author. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type TestRepository = {
  readonly folder: string;
  /** Runs git in the folder, without anybody's configuration but the repository's. @returns what it printed */
  git(args: readonly string[], options?: GitRun): string;
  /** Commits all that lies in the folder. @param author `Name <address>` @param files whole contents by path */
  commit(
    author: string,
    message: string,
    files: Readonly<Record<string, string | Buffer>>,
  ): Promise<void>;
  remove(): Promise<void>;
};

type GitRun = { readonly author?: string; readonly input?: string | Buffer };

export async function createRepository(): Promise<TestRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-repository-'));
  const git: TestRepository['git'] = (
    args,
    { author = 'Nobody <nobody@example.org>', input = '' } = {},
  ) => {
    const [, name, email] = /^(.*) <(.*)>$/.exec(author) ?? [];
    return execFileSync('git', [...args], {
      ...{ cwd: folder, input, encoding: 'utf8' },
      env: {
        ...{ PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
        ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email },
        ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email },
      },
    });
  };
  git(['init', '-q', '-b', 'main']);
  return {
    folder,
    git,
    async commit(author, message, files) {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), content);
      }
      git(['add', '-A'], { author });
      git(['commit', '-q', '--allow-empty', '-F', '-'], { author, input: message });
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
