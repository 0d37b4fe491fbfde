/**
 * Spans, sent to an OpenTelemetry collector by OTLP over HTTP, in JSON.
 *
 * The SDK is loaded only where a collector is named. Spans wait in a queue of bounded length: what a collector that is slow or
 * down does not take is dropped and counted, and no call waits for it.
 */
import type { Attributes, SpanContext } from '@opentelemetry/api';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { Counter, type Registry } from 'prom-client';
import type { Log } from './log.ts';
import { newSpanId, type TraceContext } from './trace-context.ts';

export type Span = {
  readonly spanId: string;
  /** false: whoever began the trace does not record it, and so do we not. */
  readonly sampled: boolean;
  /** Once; what is told later is lost. */
  end(end: {
    readonly name?: string;
    readonly attributes: Attributes;
    /** A code, where it went wrong. */
    readonly errorType?: string;
  }): void;
};

export type Tracing = {
  start(span: {
    readonly name: string;
    readonly kind: 'server' | 'client' | 'internal';
    readonly trace: TraceContext;
    /** Of ours; else the trace's own parent. */
    readonly parent?: Span;
    /** By `performance.now()`. */
    readonly startedAt: number;
    readonly attributes: Attributes;
  }): Span;
  /** Sends what is left, for a moment. */
  stop(): Promise<void>;
};

type TracingHandles = {
  /** The collector's base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT, or that of its traces. */
  readonly url: string;
  readonly registry: Registry;
  readonly log: Log;
  /** Which process this is. */
  readonly instance: string;
};

const QUEUE_SPANS = 2048;
/** Encoding a batch keeps the event loop: 128 spans take it half a millisecond. */
const BATCH_SPANS = 128;
const EVERY_MS = 1000;
const EXPORT_MS = 5000;
const STOP_MS = 2000;

export async function openTracing(handles: TracingHandles): Promise<Tracing> {
  const [api, sdk, { resourceFromAttributes, defaultResource }, { OTLPTraceExporter }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
  const exporter = new OTLPTraceExporter({ url: tracesUrl(handles.url), timeoutMillis: EXPORT_MS });
  let traceId = '';
  const provider = new sdk.TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': 'openledger',
        'service.instance.id': handles.instance,
      }),
    ),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    // A trace that begins here has the id that its client is told.
    idGenerator: { generateTraceId: () => traceId, generateSpanId: newSpanId },
    spanProcessors: [
      bounded(handles, exporter, (counted) => {
        const times = { scheduledDelayMillis: EVERY_MS, exportTimeoutMillis: 2 * EXPORT_MS };
        const sizes = { maxQueueSize: QUEUE_SPANS, maxExportBatchSize: BATCH_SPANS };
        return new sdk.BatchSpanProcessor({ exporter: counted, ...times, ...sizes });
      }),
    ],
  });
  const tracer = provider.getTracer('openledger');
  const kinds = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  };
  return {
    start({ name, kind, trace, parent, startedAt: startTime, attributes }) {
      ({ traceId } = trace);
      const context = parentOf(trace, parent);
      const within = context
        ? api.trace.setSpanContext(api.ROOT_CONTEXT, context)
        : api.ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: kinds[kind], startTime, attributes }, within);
      const { spanId, traceFlags } = span.spanContext();
      return {
        spanId,
        sampled: (traceFlags & api.TraceFlags.SAMPLED) !== 0,
        end({ name: lastName, attributes: more, errorType }) {
          if (lastName !== undefined) span.updateName(lastName);
          span.setAttributes(more);
          if (errorType !== undefined) {
            span.setAttribute('error.type', errorType);
            span.setStatus({ code: api.SpanStatusCode.ERROR });
          }
          span.end(performance.now());
        },
      };
    },
    async stop() {
      const sent = provider.shutdown().catch(() => {}); // what was not sent is counted by then
      await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
    },
  };
}

const tracesUrl = (url: string): string =>
  url.endsWith('/v1/traces') ? url : `${url.replace(/\/$/, '')}/v1/traces`;

function parentOf(trace: TraceContext, parent: Span | undefined): SpanContext | undefined {
  const { traceId, parentId, sampled } = trace;
  if (parent) return { traceId, spanId: parent.spanId, traceFlags: parent.sampled ? 1 : 0 };
  if (parentId === undefined) return undefined;
  return { traceId, spanId: parentId, traceFlags: sampled ? 1 : 0, isRemote: true };
}

/** Holds no more spans than the queue has room for, those under way to the collector among them, and counts the rest. */
function bounded(
  { registry, log }: TracingHandles,
  exporter: SpanExporter,
  batching: (exporter: SpanExporter) => SpanProcessor,
): SpanProcessor {
  const spans = new Counter({
    name: 'openledger_trace_spans_total',
    help: 'Spans sent to the collector, and dropped since it did not take them or the queue was full.',
    ...{ labelNames: ['outcome'], registers: [registry] },
  });
  for (const outcome of ['sent', 'refused', 'queue_full']) spans.inc({ outcome }, 0);
  let pending = 0;
  let isTaken = true;
  const batches = batching({
    export(batch, done) {
      exporter.export(batch, (result) => {
        pending -= batch.length;
        const isSent = result.code === 0;
        spans.inc({ outcome: isSent ? 'sent' : 'refused' }, batch.length);
        if (isTaken && !isSent) log.warn('tracing.refused', { spans: batch.length });
        isTaken = isSent;
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  });
  return {
    onStart: () => {},
    onEnd(span) {
      if (pending >= QUEUE_SPANS) return spans.inc({ outcome: 'queue_full' });
      pending++;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
}
