/** Progress on the terminal: a bar that moves in place where there is a screen, a line now and then where there is none. */
export type Output = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

export type Progress = {
  /** @param note what stands behind the bar */
  at(done: number, total: number, note?: string): void;
  /** Ends the line with a tick and what came of it. */
  done(result: string): void;
};

const WIDTH = 24;

export function startProgress(output: Output, label: string): Progress {
  const title = label.padEnd(12);
  let lastTenth = -1;
  const draw = (text: string) => output.write(output.isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
  if (output.isTTY) draw(`  ${title}`);
  return {
    at(done, total, note = '') {
      const part = total > 0 ? Math.min(1, done / total) : 0;
      const tenth = Math.floor(part * 4);
      if (!output.isTTY && tenth === lastTenth) return;
      lastTenth = tenth;
      const filled = Math.round(part * WIDTH);
      draw(
        `  ${title} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${String(Math.floor(part * 100)).padStart(3)} %  ${note}`,
      );
    },
    done(result) {
      draw(`✓ ${title} ${result}${output.isTTY ? '\n' : ''}`);
    },
  };
}
