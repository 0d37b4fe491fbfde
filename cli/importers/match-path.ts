/** Paths against patterns with `*` and `?` inside a name and `**` over any folders, in time that no pattern can blow up. */

export function matchesPath(path: string, pattern: string): boolean {
  const names = path.split('/');
  // reach[i]: the part of the pattern that was read can stand for the first i names.
  let reach = names.map(() => false);
  reach = [true, ...reach];
  for (const part of pattern.split('/')) {
    reach = part === '**' ? overFolders(reach) : overName(reach, names, part);
  }
  return reach[names.length];
}

const overFolders = (reach: readonly boolean[]): boolean[] => {
  const first = reach.indexOf(true);
  return reach.map((_, i) => first >= 0 && i >= first);
};

const overName = (reach: readonly boolean[], names: readonly string[], part: string): boolean[] =>
  reach.map((_, i) => i > 0 && reach[i - 1] && matchesName(names[i - 1], part));

/** Greedy: a later star never needs an earlier one to give back. */
function matchesName(name: string, pattern: string): boolean {
  let [at, read] = [0, 0];
  let star: { readonly pattern: number; name: number } | undefined;
  while (read < name.length) {
    if (pattern[at] === '*') {
      star = { pattern: at, name: read };
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[read])) {
      at += 1;
      read += 1;
    } else if (star) {
      star.name += 1;
      read = star.name;
      at = star.pattern + 1;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
