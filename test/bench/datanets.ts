/** Datanets: what it costs to take text in, to see that it is nearly another's, and to find it again. */
import { benchTldrImport } from './datanets/import-tldr.ts';
import { benchIngest } from './datanets/ingest.ts';
import { benchNearDuplicates } from './datanets/near-duplicates.ts';
import { gatherMaterial } from './datanets/passages.ts';
import { benchRetrieval } from './datanets/retrieval.ts';
import type { Benchmark } from './options.ts';

export const datanetsBenchmark: Benchmark = async ({ scratch, options }) => {
  const material = gatherMaterial();
  const parts = [
    await benchRetrieval(material, options),
    await benchTldrImport(scratch),
    benchIngest(options),
    benchNearDuplicates(material, options),
  ];
  return {
    notes: parts.flatMap(({ notes }) => notes),
    rows: parts.flatMap(({ rows }) => rows),
  };
};
