/** The stages of the loop, in their order. */
export const stages = [
  'contribute',
  'refine',
  'seal',
  'train',
  'serve',
  'attribute',
  'route',
  'receipt',
  'settle',
  'claim',
] as const;

export type Stage = (typeof stages)[number];

/** What a stage has done so far, where the server says it. */
export type StageCounts = { readonly [S in Stage]?: { readonly n: number; readonly of: string } };
