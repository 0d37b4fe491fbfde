import { settings } from './config.ts';

/** The text of `.env.example`: every setting with its meaning and its default. */
export const environmentExample = (): string =>
  [
    '# Settings and their defaults. Everything works with none of them set.',
    ...Object.entries(settings).map(([name, { about, schema }]) => {
      const value = schema.parse(undefined);
      const shown = typeof value === 'boolean' ? String(Number(value)) : (value ?? '');
      return `\n# ${about}\n${name}=${shown}`;
    }),
    '',
  ].join('\n');
