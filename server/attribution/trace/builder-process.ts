/** The process that builds segments: takes records, leaves a file, and says so. */
import type { TraceRecord } from '@openledger/protocol';
import { serveParent } from '../../platform/child.ts';
import { writeSegment } from './segment-file.ts';
import { buildColumns } from './shard-columns.ts';

export type SegmentOrder = { readonly path: string; readonly records: readonly TraceRecord[] };

/** Undefined: the file is there. */
export type SegmentReport = { readonly failure: string | undefined };

const parent = serveParent<SegmentOrder, SegmentReport>(({ path, records }) => {
  try {
    writeSegment(path, buildColumns(records));
    parent.send({ failure: undefined });
  } catch (error) {
    parent.send({ failure: error instanceof Error ? error.message : String(error) });
  }
});
