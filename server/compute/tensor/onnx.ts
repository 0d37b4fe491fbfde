/**
 * A writer for ONNX model files: just enough of protocol buffers to describe a graph.
 *
 * Field numbers are those of `onnx/onnx.proto` (ONNX IR version 8); each message below names them.
 * Wire format: a field is a varint key (number << 3 | wire type) followed by a varint (0), a
 * length-delimited payload (2) or four little-endian bytes (5).
 * Source: protobuf.dev "Encoding"; github.com/onnx/onnx, onnx/onnx.proto.
 */

/** The element types our graphs use, with their numbers in `TensorProto.DataType`. */
const elementTypes = { float32: 1, int32: 6, int64: 7 } as const;

export type ElementType = keyof typeof elementTypes;
export type Shape = readonly number[];
export type TensorData = Float32Array | Int32Array | BigInt64Array;

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export type OnnxNode = {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
};

export type OnnxTensor = {
  readonly name: string;
  readonly shape: Shape;
  readonly data: TensorData;
};
export type OnnxPort = { readonly name: string; readonly type: ElementType; readonly shape: Shape };

export type OnnxGraph = {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
};

const irVersion = 8;

/** The operator set whose definitions our operators follow (ONNX 1.13). */
const opsetVersion = 18;

/** Serialises a graph as a `ModelProto`. Nodes must be in an order in which inputs come before uses. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  const opset = message(text(1, ''), varint(2, opsetVersion)); // OperatorSetIdProto: domain 1, version 2
  // ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8.
  return Buffer.concat([
    varint(1, irVersion),
    text(2, 'openledger'),
    bytes(7, encodeGraph(graph)),
    bytes(8, opset),
  ]);
}

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
const encodeGraph = (graph: OnnxGraph): Buffer =>
  message(
    ...graph.nodes.map((node) => bytes(1, encodeNode(node))),
    text(2, 'openledger'),
    ...graph.initializers.map((tensor) => bytes(5, encodeTensor(tensor))),
    ...graph.inputs.map((port) => bytes(11, encodePort(port))),
    ...graph.outputs.map((port) => bytes(12, encodePort(port))),
  );

/** NodeProto: input 1, output 2, op_type 4, attribute 5. */
const encodeNode = (node: OnnxNode): Buffer =>
  message(
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.operator),
    ...Object.entries(node.attributes).map(([name, value]) =>
      bytes(5, encodeAttribute(name, value)),
    ),
  );

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (FLOAT 1, INT 2, STRING 3, INTS 7). */
function encodeAttribute(name: string, value: OnnxAttribute): Buffer {
  if ('float' in value) return message(text(1, name), float(2, value.float), varint(20, 1));
  if ('int' in value) return message(text(1, name), varint(3, value.int), varint(20, 2));
  if ('string' in value) return message(text(1, name), text(4, value.string), varint(20, 3));
  return message(text(1, name), ...value.ints.map((int) => varint(8, int)), varint(20, 7));
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9 (little-endian, row by row). */
const encodeTensor = ({ name, shape, data }: OnnxTensor): Buffer =>
  message(
    ...shape.map((size) => varint(1, size)),
    varint(2, elementTypes[elementTypeOf(data)]),
    text(8, name),
    bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );

/** ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2; TensorShapeProto: dim 1; Dimension: dim_value 1. */
function encodePort({ name, type, shape }: OnnxPort): Buffer {
  const dimensions = message(...shape.map((size) => bytes(1, varint(1, size))));
  const tensorType = message(varint(1, elementTypes[type]), bytes(2, dimensions));
  return message(text(1, name), bytes(2, bytes(1, tensorType)));
}

export function elementTypeOf(data: TensorData): ElementType {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'int64';
}

const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);
const varint = (field: number, value: number): Buffer =>
  Buffer.concat([key(field, 0), rawVarint(BigInt(value))]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value, 'utf8'));
const bytes = (field: number, value: Buffer): Buffer =>
  Buffer.concat([key(field, 2), rawVarint(BigInt(value.length)), value]);

function float(field: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeFloatLE(value);
  return Buffer.concat([key(field, 5), payload]);
}

const key = (field: number, wireType: number): Buffer => rawVarint(BigInt((field << 3) | wireType));

/** Seven bits a byte, lowest first; negative numbers as 64-bit two's complement. */
function rawVarint(value: bigint): Buffer {
  const groups: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    groups.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  groups.push(Number(rest));
  return Buffer.from(groups);
}
