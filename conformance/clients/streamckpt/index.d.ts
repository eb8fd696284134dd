// Types of the package. Ints, dimensions and the bits of floats are bigint: a number of JavaScript keeps 53 bits.

/** Bytes from some place: `read` fills the beginning of `target` from `offset` on and says of how many; 0 at the end. */
export interface Source {
  /** Undefined where it is not known, as on a pipe. */
  readonly size: number | undefined;
  read(target: Uint8Array, offset: number): number | Promise<number>;
}
export interface SizedSource extends Source {
  readonly size: number;
}
/** A payload, which stays in its sources until `pieces` or `load` asks for it. */
export type Payload = { source: Source; offset: number; length: number }[];

/** LEAF-1. `payloadAt` is where the first payload of an array begins in the input. */
export type Leaf =
  | { kind: 'ndarray'; dtype: string; shape: bigint[]; payload: Payload; payloadAt?: number }
  | { kind: 'scalar'; dtype: string; payload: Payload; payloadAt?: number }
  | { kind: 'str' | 'bin'; payload: Payload }
  | { kind: 'int'; value: bigint }
  | { kind: 'float'; bits: bigint }
  | { kind: 'complex'; bits: [bigint, bigint] }
  | { kind: 'bool'; value: boolean }
  | { kind: 'nil' | 'empty' };

/** META-1. */
export type Metadata =
  | { kind: 'nil' }
  | { kind: 'bool'; value: boolean }
  | { kind: 'int'; value: bigint }
  | { kind: 'float'; bits: bigint }
  | { kind: 'str'; value: string }
  | { kind: 'bin'; value: Uint8Array }
  | { kind: 'list'; value: Metadata[] }
  | MetadataMap;
export type MetadataMap = { kind: 'map'; value: [string, Metadata][] };

/** What is refused: by which clause, at which byte, in which leaf. */
export class FormatError extends Error {
  constructor(clause: string, message: string, where?: { offset?: number; path?: string[] });
  clause: string;
  offset?: number;
  path?: string[];
}
/** Does something for a leaf, whose key path a refusal gets. */
export function named<T>(path: readonly (string | number | bigint)[], action: () => T): T;

// Reading

export interface Record {
  path: string[];
  leaf: Leaf;
  /** Of the blocks of its records, in eight hexadecimal digits, where there is a seal. */
  checksums?: string[];
}
/** What is known of a leaf while its payload passes. */
export interface About {
  kind: string;
  dtype?: string;
  shape?: bigint[];
  /** Bytes of a str or bin. */
  length?: number;
}
export type Sink = (piece: Uint8Array, about: About, path: string[] | undefined) => void | Promise<void>;
export interface ReadOptions {
  /** Gets each piece of each payload before its leaf is yielded, and is done with it when it returns. */
  sink?: Sink;
}
/** Each record of a stream, plain or sealed. What was yielded counts when the last one has been (CONF-3). */
export function readStream(
  source: Source,
  options?: ReadOptions & { detached?: SizedSource; onSeal?: (index: Index) => void },
): AsyncGenerator<Record, void, undefined>;
/** The same for a flax file. */
export function readFlax(source: Source, options?: ReadOptions): AsyncGenerator<Record, void, undefined>;

/** What the index of a seal says of a leaf (INDEX-2); `start` is that of its first record in the stream. */
export interface Entry {
  at: number;
  offset: number;
  path: string[];
  kind: string;
  dtype?: string;
  shape?: bigint[];
  records: { size: number; payload?: number; sums: Uint8Array; shape?: bigint[] }[];
  start: number;
}
export interface Index {
  readonly version: string;
  readonly alignment: number;
  readonly checksum: number;
  readonly count: number;
  readonly isDetached: boolean;
  readonly size: number;
  readonly base: number;
  /** The start of each record. */
  readonly starts: number[];
  /** INDEX-9: 32 bytes for each leaf, and for the tree. */
  readonly digests?: Uint8Array;
  leaves(): Generator<Entry, void, undefined>;
  leafAt(at: number, start: number): Entry;
  metadata(): MetadataMap;
  checkSum(): void;
  endOf(record: number): number;
  sumOf(record: number, block: number): number;
  recordAt(offset: number): number;
}
/** The seal of a sealed stream; with `stream`, the size of the file beside it, of the file of a detached seal. */
export function openSeal(source: SizedSource, options?: { stream?: number }): Promise<Index>;
/** Leaves in any order, one at a time. */
export class IndexedReader {
  constructor(source: SizedSource, index: Index, options?: ReadOptions);
  leaf(entry: Entry): Promise<Leaf>;
}
/** SUM-2: bytes of a block. */
export const BLOCK: number;
export function readBlock(
  source: SizedSource,
  index: Index,
  record: number,
  block: number,
): Promise<{ start: number; bytes: Uint8Array; isGood: boolean }>;
/** SUM-1; `before` is the checksum of the bytes before these. */
export function crc32c(bytes: Uint8Array, before?: number): number;

// Writing

export type Key = string | number | bigint;
/** A file to be written. Each piece is good until the next one is asked for. */
export interface Plan {
  readonly size: number;
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
}
export interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}
export interface SealOptions {
  metadata?: MetadataMap;
  alignment?: number;
  digests?: boolean;
  sha256?: () => Hash;
}
/** Plans a stream; all that is refused is refused here (CONF-7). */
export function planStream(
  entries: Iterable<[readonly Key[], Leaf]>,
  options?: { emptyNodes?: 'keep' | 'leave out'; format?: '1.0' | '2.0' } & SealOptions,
): Promise<Plan>;
export function planFlax(
  entries: Iterable<[readonly Key[], Leaf]>,
  options?: { emptyNodes?: 'keep' | 'leave out' },
): Promise<Plan>;

// Sources, payloads, values

export function bytesSource(bytes: Uint8Array): SizedSource;
export function blobSource(blob: {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}): SizedSource;
/** A pipe, which is read once. */
export function pipeSource(iterable: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Source;
/** Bytes that are repeated. */
export function fillSource(cycle: Uint8Array, size: number): SizedSource;
export function payloadOf(source: SizedSource): Payload;
export function payloadOfBytes(bytes: Uint8Array): Payload;
export function payloadOfText(text: string): Payload;
export function payloadLength(payload: Payload): number;
export function pieces(payload: Payload): AsyncGenerator<Uint8Array, void, undefined>;
/** The whole payload in memory. */
export function load(payload: Payload): Promise<Uint8Array>;
export type TypedArray =
  | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | Float32Array | Float64Array;
/** Its elements, or undefined where JavaScript has no array for the dtype. */
export function typedArray(leaf: { dtype: string; payload: Payload }): Promise<TypedArray | undefined>;
/** DTYPE-1: bytes of an element, of the unit that has a byte order, and bits that carry meaning. */
export function dtypeOf(tag: string): { width: number; unit: number; bits?: number };
export function swapBytes(bytes: Uint8Array, tag: string): void;
/** LEAF-4: bytes of a payload of this shape. */
export function contentBytes(shape: bigint[], width: number, offset?: number): bigint;
export function numberOfBits(bits: bigint): number;
/** KEY-5, and back. */
export function displayPath(path: readonly string[]): string;
export function parsePath(display: string): string[];

// Digests (DELTA-4)

export function leafDigest(path: readonly Key[], leaf: Leaf, newHash?: () => Hash): Promise<Uint8Array>;
export class PassingDigests {
  constructor(newHash?: () => Hash);
  add(piece: Uint8Array, about: About, path: readonly string[]): void;
  end(path: readonly string[], leaf: Leaf): Uint8Array | undefined;
}
export function checkDigests(index: Index, digests: (Uint8Array | undefined)[], newHash?: () => Hash): void;
