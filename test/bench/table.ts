/** What a benchmark found, as one table for people. */
export type Row = {
  readonly what: string;
  /** What it is held against, measured in the same run. */
  readonly peer?: string;
  readonly ours: string;
  /** How many times better ours is. */
  readonly ratio?: number;
  readonly goal?: string;
  readonly reached?: boolean;
};

const HEADINGS = ['what', 'floor or peer, same run', 'ours', 'ratio', 'goal', 'reached'];

/** A Markdown table, its columns aligned. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const format = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  const [headings, ...body] = lines.map(format);
  return [headings, format(widths.map((width) => '-'.repeat(width))), ...body].join('');
}

const cellsOf = ({ what, peer, ours, ratio, goal, reached }: Row): string[] => [
  what,
  peer ?? '-',
  ours,
  ratio === undefined ? '-' : ratioText(ratio),
  goal ?? '-',
  reached === undefined ? '-' : reached ? 'yes' : 'no',
];

const ratioText = (ratio: number): string => (ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2));

/** `12,345` above a hundred, three digits below: what a measurement is good for. */
export const figure = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

export const say = (text: string): void => void process.stdout.write(text);

/** What is being done now, for whoever waits; not a part of the result. */
export const mention = (text: string): void => void process.stderr.write(`  ${text}\n`);
