// Reader and writer of streaming checkpoints (chapters 01 to 07 of the specification), of sealed streams (chapters 11 to
// 17) and of standard flax files (chapter 08). Written from the specification alone, versions 1.0 and 2.0. No dependency;
// runs in Node 18 or later and unchanged in a browser. The modules behind this one are one for each chapter, or less.
//
//   for await (const { path, leaf } of readStream(blobSource(file))) ...      // or readFlax
//   const file = await planStream([[['params', 'w'], leaf], ...]);           // or planFlax; throws before any output
//   for await (const piece of file.pieces()) await write(piece);
//
// A leaf is one of
//   { kind: 'ndarray', dtype, shape: BigInt[], payload }    { kind: 'scalar', dtype, payload }
//   { kind: 'str' | 'bin', payload }                        { kind: 'int', value: BigInt }
//   { kind: 'float', bits: BigInt }                         { kind: 'complex', bits: [BigInt, BigInt] }
//   { kind: 'bool', value: Boolean }                        { kind: 'nil' }   { kind: 'empty' }
// where bits are those of a float 64, so that no NaN loses any of them, and a payload is a list of segments
// { source, offset, length }: the bytes stay in their source until pieces() or load() asks for them. What a reader
// yields can therefore be given to a writer as it is, whatever its size. The payload of a sealed stream is compared with
// its checksums as it is read.
//
// A source is { size, read(target, offset) }. read fills the Uint8Array `target`, or the beginning of it, with the
// bytes from `offset` on and returns their number, or a promise of it; 0 means that the input has ended. The size is
// undefined where it is not known, as on a pipe.
//
// A sealed stream can be opened by its index alone:
//
//   const index = await openSeal(source);                    // version, alignment, checksum, count, digests, metadata()
//   for (const entry of index.leaves()) ...                  // path, kind, dtype, shape, records
//   const leaf = await new IndexedReader(source, index).leaf(entry);

export { crc32c } from './crc32c.mjs';
export { BLOCK } from './sums.mjs';
export { PassingDigests, checkDigests, leafDigest } from './digests.mjs';
export { readBlock } from './checked.mjs';
export { openSeal } from './read_seal.mjs';
export { IndexedReader } from './read_by_index.mjs';
export { FormatError, named } from './faults.mjs';
export { contentBytes, dtypeOf, swapBytes } from './dtypes.mjs';
export { numberOfBits } from './floats.mjs';
export { displayPath, parsePath } from './paths.mjs';
export {
  blobSource, bytesSource, fillSource, load, payloadLength, payloadOf, payloadOfBytes, payloadOfText, pieces, pipeSource, typedArray,
} from './sources.mjs';
export { readFlax } from './read_flax.mjs';
export { readStream } from './read_stream.mjs';
export { planFlax } from './write_flax.mjs';
export { planStream } from './write_stream.mjs';
