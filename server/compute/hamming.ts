/**
 * Counts differing bits between one row and many, sixteen bytes at a time: WebAssembly, because JavaScript has no instruction
 * for it. Node runs the module as it stands here; nothing is compiled beforehand.
 */

export type BitRows = {
  /** To be filled by the caller. */
  readonly bits: Uint32Array; // [rows, dimensions / 32]
  /** Of each row from the query. What is answered is overwritten by the next call. */
  readonly distances: (query: Uint32Array) => Uint16Array; // [rows]
};

/** What is used of the JavaScript API; the types of Node 20 leave it out. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    constructor(size: { readonly initial: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { readonly e: { readonly m: Memory } });
    readonly exports: Readonly<Record<string, unknown>>;
  }
}

/** Bits in the instruction's register. */
export const REGISTER_BITS = 128;

const PAGE_BYTES = 65_536;

/** @param dimensions a multiple of 128, at most 65,408 */
export function createBitRows(rows: number, dimensions: number): BitRows {
  const width = dimensions / 8; // bytes a row
  const queryAt = rows * width;
  const outAt = queryAt + width;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((outAt + 2 * rows) / PAGE_BYTES) });
  const { exports } = new WebAssembly.Instance(compiled(), { e: { m: memory } });
  const measure = exports.d as (
    bits: number,
    rows: number,
    query: number,
    width: number,
    out: number,
  ) => void;
  const asked = new Uint32Array(memory.buffer, queryAt, width / 4);
  const out = new Uint16Array(memory.buffer, outAt, rows);
  return {
    bits: new Uint32Array(memory.buffer, 0, queryAt / 4),
    distances(query) {
      asked.set(query);
      if (rows > 0) measure(0, rows, queryAt, width, outAt);
      return out;
    },
  };
}

let module: WebAssembly.Module | undefined;

function compiled(): WebAssembly.Module {
  module ??= new WebAssembly.Module(MODULE);
  return module;
}

const [I32, V128] = [0x7f, 0x7b];
const [BITS, ROWS, QUERY, WIDTH, OUT, AT, SUM] = [0, 1, 2, 3, 4, 5, 6]; // parameters, then locals
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const constant = (value: number) => [0x41, value]; // below 64
const [ADD, LESS, END] = [0x6a, 0x49, 0x0b];
const LOOP = [0x03, 0x40];
const againIf = (...condition: number[]) => [...condition, 0x0d, 0];
const simd = (...operation: number[]) => [0xfd, ...operation];
const LOAD = simd(0x00, 0, 0); // v128.load
const step = (local: number, by: number) => [...get(local), ...constant(by), ADD, ...set(local)];
const lane = (i: number) => [...get(SUM), ...simd(0x1b, i)]; // i32x4.extract_lane

/** One row after the other, sixteen bytes after the other: sum += popcount(row ^ query), in eight lanes of 16 bits. */
const BODY = [
  ...LOOP,
  ...[...simd(0x0c), ...new Array<number>(16).fill(0), ...set(SUM)], // v128.const 0
  ...[...constant(0), ...set(AT)],
  ...LOOP,
  ...get(SUM),
  ...[...get(BITS), ...LOAD],
  ...[...get(QUERY), ...get(AT), ADD, ...LOAD],
  ...[...simd(0x51), ...simd(0x62)], // v128.xor, i8x16.popcnt
  ...[...simd(0x7d), ...simd(0x8e, 0x01), ...set(SUM)], // i16x8.extadd_pairwise_i8x16_u, i16x8.add
  ...[...step(BITS, 16), ...step(AT, 16)],
  ...[...againIf(...get(AT), ...get(WIDTH), LESS), END],
  ...[...get(SUM), ...simd(0x7f), ...set(SUM)], // i32x4.extadd_pairwise_i16x8_u
  ...[...get(OUT), ...lane(0), ...lane(1), ADD, ...lane(2), ADD, ...lane(3), ADD],
  ...[0x3b, 0, 0], // i32.store16
  ...step(OUT, 2),
  ...[...get(ROWS), ...constant(1), 0x6b, 0x22, ROWS], // i32.sub, local.tee
  ...[...againIf(), END, END],
];

/** Sizes below 128 take one byte, larger ones two. */
const sized = (bytes: readonly number[]) => [
  ...(bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]),
  ...bytes,
];
const section = (id: number, ...bytes: number[]) => [id, ...sized(bytes)];

/** (module (import "e" "m" (memory 0)) (func (export "d") (param i32 i32 i32 i32 i32) (local i32 v128) ...)) */
const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
  ...section(1, 1, 0x60, 5, I32, I32, I32, I32, I32, 0), // type
  ...section(2, 1, 1, 0x65, 1, 0x6d, 0x02, 0, 0), // import
  ...section(3, 1, 0), // function
  ...section(7, 1, 1, 0x64, 0, 0), // export
  ...section(10, 1, ...sized([2, 1, I32, 1, V128, ...BODY])), // code
]);
