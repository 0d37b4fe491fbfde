/** Guesses the SPDX id of a licence file from sentences that only that licence has. */

/** Names that licence files go by, in the order they are asked. */
export const LICENCE_FILE =
  /^(?:licen[cs]e|copying|unlicense)(?:[.-](?:md|txt|rst|mit|apache|apache-2\.0))?$/i;

/** All sentences of a licence must be there, none of the others. Lower case, single spaces, no punctuation around. */
const licences: readonly {
  readonly id: string;
  readonly has: readonly string[];
  readonly lacks?: readonly string[];
}[] = [
  { id: 'Apache-2.0', has: ['apache license', 'version 2.0'] },
  { id: 'MPL-2.0', has: ['mozilla public license', '2.0'] },
  { id: 'AGPL-3.0-only', has: ['gnu affero general public license', 'version 3'] },
  { id: 'LGPL-3.0-only', has: ['gnu lesser general public license', 'version 3'] },
  { id: 'LGPL-2.1-only', has: ['gnu lesser general public license', 'version 2.1'] },
  { id: 'GPL-3.0-only', has: ['gnu general public license', 'version 3'] },
  { id: 'GPL-2.0-only', has: ['gnu general public license', 'version 2'] },
  { id: 'CC0-1.0', has: ['cc0 1.0 universal'] },
  { id: 'CC-BY-SA-4.0', has: ['attribution-sharealike 4.0 international'] },
  { id: 'CC-BY-NC-4.0', has: ['attribution-noncommercial 4.0 international'] },
  { id: 'CC-BY-4.0', has: ['attribution 4.0 international'] },
  { id: 'Unlicense', has: ['free and unencumbered software released into the public domain'] },
  { id: 'WTFPL', has: ['do what the fuck you want to public license'] },
  { id: 'BSL-1.0', has: ['boost software license - version 1.0'] },
  {
    id: 'MIT',
    has: [
      'permission is hereby granted, free of charge, to any person obtaining a copy',
      'shall be included in all copies',
    ],
  },
  {
    id: 'MIT-0',
    has: ['permission is hereby granted, free of charge, to any person obtaining a copy'],
    lacks: ['shall be included in all copies'],
  },
  {
    id: 'ISC',
    has: [
      'permission to use, copy, modify, and/or distribute this software for any purpose',
      'copyright notice and this permission notice appear',
    ],
  },
  {
    id: '0BSD',
    has: ['permission to use, copy, modify, and/or distribute this software for any purpose'],
    lacks: ['copyright notice and this permission notice appear'],
  },
  {
    id: 'BSD-3-Clause',
    has: ['redistribution and use in source and binary forms', 'neither the name'],
    lacks: ['advertising materials mentioning'],
  },
  {
    id: 'BSD-2-Clause',
    has: ['redistribution and use in source and binary forms'],
    lacks: ['neither the name', 'advertising materials mentioning'],
  },
];

/** @returns undefined where the text is no licence that is known here: nobody may guess further for the author */
export function detectLicence(text: string): string | undefined {
  const declared = /SPDX-License-Identifier:[ \t]{0,8}([A-Za-z0-9.+-]{2,60})/.exec(
    text.slice(0, 100_000),
  );
  if (declared) return declared[1];
  const plain = text
    .slice(0, 100_000)
    .toLowerCase()
    .replaceAll(/[\s*#>"“”]+/g, ' ');
  return licences.find(
    ({ has, lacks = [] }) =>
      has.every((sentence) => plain.includes(sentence)) &&
      !lacks.some((sentence) => plain.includes(sentence)),
  )?.id;
}
