/** SPDX ids of the addresses that data sets and pages name as their licence. */

/** An id itself, its page at spdx.org, or a deed of Creative Commons; undefined for any other: nobody may guess. */
export function licenceOfUrl(url: string): string | undefined {
  const deed = /^https?:\/\/creativecommons\.org\/licenses\/([a-z-]+)\/([0-9.]+)\/?(?:deed\.\w+)?$/;
  const commons = deed.exec(url);
  if (commons) return `CC-${commons[1].toUpperCase()}-${commons[2]}`;
  if (/^https?:\/\/creativecommons\.org\/publicdomain\/zero\/1\.0\/?$/.test(url)) return 'CC0-1.0';
  const id = /^(?:https?:\/\/spdx\.org\/licenses\/)?([A-Za-z0-9.+-]+?)(?:\.html)?$/.exec(url);
  return id?.[1];
}
