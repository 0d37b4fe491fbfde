/** Numbers as people read them. */
import { formatOpen, PPM_ONE } from '@openledger/protocol';

/** OPEN for tables: four digits after the leading zeros, rounded down; `formatOpen` has the exact amount. */
export function shortOpen(units: bigint): string {
  const exact = formatOpen(units);
  const short = /^-?\d+(?:\.0*\d{0,4})?/.exec(exact)?.[0] ?? exact;
  return short.includes('.') ? short.replace(/\.?0+$/, '') : short;
}

/** Parts per million as per cent: one decimal, except where that would say 0 or 100 and not be true. */
export function percent(ppm: number): string {
  const isEnd = ppm === 0 || ppm === PPM_ONE;
  if (ppm < 1_000 && !isEnd) return `<\u202f0.1${PERCENT}`;
  if (ppm > PPM_ONE - 1_000 && !isEnd) return `>\u202f99.9${PERCENT}`;
  return `${Number((ppm / 10_000).toFixed(1))}${PERCENT}`;
}

/** The space does not break. */
const PERCENT = '\u202f%';

export const count = (n: number): string => n.toLocaleString('en-GB');

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

export const duration = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** Hours, minutes and seconds of today; the date before that. */
export function clockTime(iso: string, now: Date): string {
  const at = new Date(iso);
  const isToday = at.toDateString() === now.toDateString();
  return isToday
    ? at.toLocaleTimeString('en-GB')
    : at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}
