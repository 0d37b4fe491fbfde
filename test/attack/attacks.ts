/** The attacks, as data: what a coalition does instead of what it would do honestly, in one and the same economy. */
import { entitlementOf } from '@openledger/protocol';
import { createRandom, type Random } from '../../server/compute/random.ts';
import { type Answer, by, type Offered, type World } from './market.ts';

export type Attack = {
  readonly name: string;
  /** What the coalition does. */
  readonly act: string;
  readonly honest: World;
  readonly attacked: World;
  readonly coalition: readonly string[];
  /** It gains exactly nothing, by construction. */
  readonly isExact: boolean;
  /** What it comes to, and what limits it. */
  readonly because: string;
};

/** What the attacks are tried on. */
export type Setting = {
  /** The coalition's own text. */
  readonly own: string;
  /** Texts of others, who came before unless an attack says otherwise. */
  readonly others: readonly string[];
  readonly answers: readonly Answer[];
  readonly random: Random;
};

const PIECE = 40;

/** Words that no two settings of one seed share by chance, often enough repeated to say little. */
export function drawSetting(seed: number, { texts = 6, length = 160 } = {}): Setting {
  const random = createRandom(seed);
  const vocabulary = Array.from({ length: 400 }, (_, i) => `w${i.toString(36)}`);
  const write = (length: number) =>
    Array.from({ length }, () => vocabulary[Math.min(random.below(400), random.below(400))]).join(
      ' ',
    );
  const own = write(length);
  const others = Array.from({ length: texts }, () => write(length));
  const answers = [own, ...others].flatMap((text, i) =>
    Array.from({ length: 3 }, (_, k): Answer => {
      const from = random.below(length - PIECE);
      const quoted = text.split(' ').slice(from, from + PIECE);
      return { output: [write(10), ...quoted, write(10)].join(' '), payer: `user-${i}-${k}` };
    }),
  );
  return { own, others, answers, random };
}

const ME = 'mallory';
const shell = (i: number) => `mallory-${i}`;
const COALITION = [ME, ...Array.from({ length: 20 }, (_, i) => shell(i))];

/** How the coalition cuts its text, and how many more names it has. */
export type Cut = { readonly words: number; readonly shells: number };

export function attacksOn(
  setting: Setting,
  { words: cut, shells }: Cut = { words: 80, shells: 8 },
): readonly Attack[] {
  const { own, others, answers, random } = setting;
  const theirs = others.map((text, i): readonly Offered[] => [by(`honest-${i}`, text)]);
  const mine = [by(ME, own)];
  const honest: World = { groups: [...theirs, mine], answers };
  const [victim] = others;
  const attack = (
    name: string,
    act: string,
    groups: World['groups'],
    facts: Partial<Attack> & Pick<Attack, 'because'>,
  ): Attack => ({
    ...{ name, act, honest, isExact: false, coalition: COALITION },
    attacked: { groups, answers },
    ...facts,
  });
  const words = own.split(' ');
  const floods = Array.from({ length: 16 }, () => fresh(30, random));
  const halves = [words.slice(0, cut).join(' '), words.slice(cut).join(' ')];
  return [
    attack(
      'duplicate',
      'sends its own text twice more, and copies of two others',
      [...theirs, mine, mine, [by(ME, own)], [by(ME, victim)], [by(ME, others[1])]],
      { isExact: true, because: 'A text belongs to whoever had it first, and counts once.' },
    ),
    attack(
      'identity split',
      'sends its text in two halves under two names',
      [...theirs, [by(shell(0), halves[0])], [by(shell(1), halves[1])]],
      { isExact: true, because: 'What is paid is text, not the number of its owners.' },
    ),
    attack(
      'k shells',
      'sends its text and a copy of another under eight more names',
      [
        ...theirs,
        mine,
        ...Array.from({ length: shells }, (_, i) => [by(shell(i), i % 2 ? own : victim)]),
      ],
      { isExact: true, because: 'A shell owns nothing that somebody else had before.' },
    ),
    attack(
      'padding with common text',
      'puts two other texts around its own',
      [...theirs, [by(ME, `${victim} ${own} ${others[1]}`)]],
      { isExact: true, because: 'A record owns those of its words that are its own.' },
    ),
    attack(
      'shredding',
      'sends another text with every seventh word changed',
      [...theirs, mine, [by(ME, changed(victim, 7, random))]],
      {
        because:
          'The copy is proposed as a near duplicate, and what it earns waits in escrow; windows of 8 words would miss it.',
      },
    ),
    attack(
      'paraphrase',
      'words two other texts anew, instead of writing as much itself',
      [
        ...theirs,
        mine,
        [by(ME, changed(victim, 1, random))],
        [by(ME, changed(others[1], 1, random))],
      ],
      {
        honest: {
          groups: [...theirs, mine, [by(ME, fresh(160, random))], [by(ME, fresh(160, random))]],
          answers,
        },
        because:
          'New words are new text: no passage is traced to it, and the prior pays it as any text of its length; what it spares is the writing. Reviewers, quality and pay by measured delta limit it.',
      },
    ),
    ...thiefFirst(setting),
    attack(
      'commons flooding',
      'puts the same thirty words of another into sixteen records of its own, so that they become nobody’s',
      [
        ...theirs,
        mine,
        ...floods.map((text, i) => [
          by(shell(i), `${text} ${victim.split(' ').slice(40, 70).join(' ')}`),
        ]),
      ],
      {
        honest: {
          groups: [...theirs, mine, ...floods.map((text, i) => [by(shell(i), text)])],
          answers,
        },
        because:
          'What sixteen parties bring belongs to nobody: at most 32 words in a row, in records at least half new, which cost as much text. What the victim loses goes to everybody by the prior.',
      },
    ),
    attack('boilerplate capture', 'registers a phrase first that everybody else then uses', [], {
      honest: boilerplate({ own, others, answers }, false),
      attacked: boilerplate({ own, others, answers }, true),
      because:
        'Until sixteen parties have brought it, the phrase is whose it was first; then it is nobody’s.',
    }),
    attack(
      'co-author stuffing',
      'names three more co-authors, all its own',
      [
        ...theirs,
        [
          {
            text: own,
            owners: entitlementOf(
              [ME, shell(0), shell(1), shell(2)].map((party) => ({ party, weight: 1n })),
            ),
          },
        ],
      ],
      { isExact: true, because: 'Co-authors divide what one would have.' },
    ),
    attack('self-dealing queries', 'pays for answers that quote its own text', [], {
      attacked: {
        ...honest,
        answers: [...answers, ...Array.from({ length: 5 }, () => ({ output: own, payer: ME }))],
      },
      isExact: true,
      because:
        'A payer has back less than he pays: roles that are not his, and the prior, take the rest.',
    }),
    attack(
      'back-dated registration',
      'sends another text later, and says that it is older',
      [...theirs, mine, [by(ME, victim)]],
      {
        isExact: true,
        because:
          'The order of acceptance decides, not a date that somebody names; an earlier proof is adjudicated.',
      },
    ),
    attack('operator altering outputs', 'serves, and puts its own text behind every answer', [], {
      attacked: {
        ...honest,
        answers: answers.map((answer) => ({
          ...answer,
          output: `${answer.output} ${words.slice(0, 40).join(' ')}`,
        })),
      },
      coalition: [...COALITION, 'operator'],
      because:
        'The evidence is of what was delivered. Payers see it and their receipt commits to it; game and context, measured on models made here, do not reward what the model did not find likely.',
    }),
  ];
}

/** Before and after the victim has proved that the text is his. */
function thiefFirst({ own, others, answers }: Setting): readonly Attack[] {
  const [victim, ...rest] = others;
  const theirs = rest.map((text, i): readonly Offered[] => [by(`honest-${i + 1}`, text)]);
  const honest: World = { groups: [[by('honest-0', victim)], ...theirs, [by(ME, own)]], answers };
  const stolen = [[by(ME, victim)], ...theirs, [by(ME, own)], [by('honest-0', victim)]];
  const proved = [[by('honest-0', victim)], ...theirs, [by(ME, own)], [by(ME, victim)]];
  const common = { honest, coalition: COALITION };
  return [
    {
      ...common,
      ...{
        name: 'thief first, before proof',
        act: 'registers another text before its author does',
      },
      attacked: { groups: stolen, answers },
      isExact: false,
      because:
        'Whoever is first is believed until somebody proves otherwise, within 30 days; then what it earned meanwhile goes with it.',
    },
    {
      ...common,
      ...{
        name: 'thief first, after proof',
        act: 'the same, and the author has proved that it is his',
      },
      attacked: { groups: proved, answers },
      isExact: true,
      because: 'An adjudicated proof moves the text, and every copy of it, to its author.',
    },
  ];
}

/** Six texts that all end alike, and the phrase they end with registered before them or not. */
function boilerplate(
  { own, others, answers }: Pick<Setting, 'own' | 'others' | 'answers'>,
  isCaptured: boolean,
): World {
  const phrase = 'provided as it is without any warranty whatever it may be used for';
  const texts = others.map((text, i) => [by(`honest-${i}`, `${text} ${phrase}`)]);
  const asked = answers.map((answer) => ({ ...answer, output: `${answer.output} ${phrase}` }));
  const first = isCaptured ? [[by(ME, phrase)]] : [];
  return { groups: [...first, ...texts, [by(ME, own)]], answers: asked };
}

/** Every nth word another one. */
const changed = (text: string, n: number, random: Random): string =>
  text
    .split(' ')
    .map((word, i) => (i % n === n - 1 ? `x${random.below(2 ** 30).toString(36)}` : word))
    .join(' ');

const fresh = (count: number, random: Random): string =>
  Array.from({ length: count }, () => `y${random.below(2 ** 30).toString(36)}`).join(' ');
