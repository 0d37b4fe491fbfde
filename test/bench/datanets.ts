/** Datanets: what it costs to find, and later to take in. */

import { benchRetrieval } from './datanets/retrieval.ts';
import type { Benchmark } from './options.ts';

export const datanetsBenchmark: Benchmark = ({ options }) => benchRetrieval(options);
