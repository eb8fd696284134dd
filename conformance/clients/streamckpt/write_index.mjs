// Writing the seal (chapters 15 and 16).

import { crc32c } from './crc32c.mjs';
import { bigEndian, header, intBytes, str } from './encoding.mjs';
import { FormatError } from './faults.mjs';

const MAX_LENGTH = 2 ** 31 - 1; // SEAL-3
const FOOTER_BYTES = 40;
const MAGIC = new TextEncoder().encode('streamckpt-seal\n');

// INDEX-2, INDEX-3. `records` are [{ size, payload, sums }].
export function entryBytes({ path, kind, dtype, shape, records }) {
  const isTyped = kind === 'ndarray' || kind === 'scalar';
  const dimensions = kind === 'ndarray' ? shape : [];
  return Uint8Array.from([
    0x95, ...header('array', path.length), ...path.flatMap((part) => str(String(part))), ...str(kind),
    ...(isTyped ? [...str(dtype), ...header('array', dimensions.length), ...dimensions.flatMap(intBytes)] : [0xc0, 0xc0]),
    ...header('array', records.length), ...records.flatMap(recordBytes),
  ]);
}

function recordBytes({ size, payload, sums }) {
  const place = payload === undefined ? [0xc0] : intBytes(BigInt(payload));
  return [0x93, ...intBytes(BigInt(size)), ...place, ...header('bin', sums.length), ...sums];
}

const sumBytes = (sum) => bigEndian(sum, 4);

// INDEX-1: the index in pieces. `entries` are those of entryBytes, and `metadata` its bytes.
export function indexPieces({ alignment, checksum, entries, metadata, digests }) {
  const begin = [
    digests ? 0x85 : 0x84, ...str('alignment'), ...intBytes(BigInt(alignment)), ...str('checksum'), 0xc4, 4, ...sumBytes(checksum),
    ...str('leaves'), ...header('array', entries.length),
  ];
  const end = digests ? [Uint8Array.from([...str('digests'), ...header('bin', digests.length)]), digests] : [];
  return [Uint8Array.from(begin), ...entries, Uint8Array.from(str('metadata')), metadata, ...end];
}

// SEAL-3, SEAL-4: what stands behind the last record, in pieces.
export function sealPieces(offset, index) {
  const length = index.reduce((sum, piece) => sum + piece.length, 0);
  checkSeal(length);
  const checksum = index.reduce((sum, piece) => crc32c(piece, sum), 0);
  const head = [...bigEndian(offset, 8), ...bigEndian(length, 4), ...sumBytes(checksum), 0, 2, 0, 0];
  const footer = Uint8Array.from([...head, ...sumBytes(crc32c(Uint8Array.from(head))), ...MAGIC]);
  return [Uint8Array.from([0xc6, ...bigEndian(length + FOOTER_BYTES + 1, 4)]), ...index, footer];
}

// CONF-7: known before anything has been written, since an index has the same length whatever its checksums are.
export function checkSeal(length) {
  if (length + FOOTER_BYTES + 1 > MAX_LENGTH) throw new FormatError('SEAL-3', 'the seal would have more than 2^31 - 1 bytes');
}
