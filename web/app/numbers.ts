/** Numbers as people read them. */
import { formatOpen, PPM_ONE } from '@openledger/protocol';

/** OPEN for tables: four digits after the leading zeros, rounded down; `formatOpen` has the exact amount. */
export function shortOpen(units: bigint): string {
  const exact = formatOpen(units);
  const short = /^-?\d+(?:\.0*\d{0,4})?/.exec(exact)?.[0] ?? exact;
  return short.includes('.') ? short.replace(/\.?0+$/, '') : short;
}

/** Parts per million as per cent: 1 decimal, except where that would say 0 or 100 and not be true. */
export function percent(ppm: number): string {
  if (ppm === 0 || ppm === PPM_ONE) return `${ppm / 10_000} %`;
  if (ppm < 1_000) return '< 0.1 %';
  if (ppm > PPM_ONE - 1_000) return '> 99.9 %';
  return `${(ppm / 10_000).toFixed(1)} %`;
}

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
