/** A small datanet of our own writing: three contributors, enough text to train a tiny model on in seconds. */
const beds = [
  ['tomato', 'stakes', 'basil'],
  ['bean', 'poles', 'marigolds'],
  ['carrot', 'string', 'onions'],
  ['lettuce', 'shade cloth', 'chives'],
  ['pumpkin', 'straw', 'nasturtiums'],
  ['pepper', 'small cages', 'oregano'],
];

const authors = ['Ada', 'Bela', 'Chidi'];

/** Drafts as `contributeMany` takes them. */
export const gardenBooks = () =>
  beds.map(([plant, support, friend], index) => ({
    text: [
      `# The ${plant} bed`,
      '',
      `The ${plant} bed lies along the southern wall, where the stones keep the warmth of the afternoon until late in the evening.`,
      `Every gardener who has tended it knows that ${plant} plants want ${support} before they are as tall as a hand.`,
      '',
      '## Water',
      '',
      `Water the seedlings in the morning, slowly, until the earth is dark two fingers deep; a ${plant} that drinks at noon burns its leaves.`,
      `In dry weeks a mulch of ${friend} clippings keeps the bed moist and the slugs away.`,
      '',
      '## Compost',
      '',
      `Compost from last autumn goes under the ${plant} in spring, one bucket for each step of the bed, and never against the stems.`,
      `Whoever turns the heap twice before winter has crumbly soil for the ${plant} when the cuckoo calls.`,
      '',
    ].join('\n'),
    licence: 'CC-BY-4.0',
    contributors: [
      { identity: `handle:${authors[index % 3]}`, weight: 3 },
      { identity: `handle:${authors[(index + 1) % 3]}`, weight: 1 },
    ],
    source: { kind: 'jsonl' as const, path: `garden/${plant}.md`, line: 1 },
  }));
