/** A load hook that changes one place of one source file, and fails where the place is not there any more, or there twice. */
let mutant;

export const initialize = (data) => {
  mutant = data;
};

export async function load(url, context, next) {
  const loaded = await next(url, context);
  const edits = mutant.edits.filter(({ file }) => url.split('?')[0].endsWith(`/${file}`));
  if (edits.length === 0) return loaded;
  let source = String(loaded.source);
  for (const { file, find, replace } of edits) {
    const parts = source.split(find);
    if (parts.length !== 2) {
      throw new Error(`${mutant.name}: "${find}" is in ${file} ${parts.length - 1} times.`);
    }
    source = parts.join(replace);
  }
  return { ...loaded, source };
}
