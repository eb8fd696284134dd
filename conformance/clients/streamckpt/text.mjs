// Texts as UTF-8 (WIRE-5).

import { FormatError } from './faults.mjs';

const encoder = new TextEncoder();

// WIRE-5: TextEncoder would put U+FFFD in the place of a lone surrogate.
export function utf8Of(text) {
  if (/\p{Surrogate}/u.test(text)) throw new FormatError('WIRE-5', 'a lone surrogate cannot be encoded');
  return encoder.encode(text);
}

export const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // KEY-2: a byte order mark stays

// WIRE-5 over pieces: RFC 3629, with the range of the second byte kept in `low` and `high`.
export class Utf8Check {
  missing = 0;
  low = 0x80;
  high = 0xbf;

  accepts(bytes) {
    let { missing, low, high } = this;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (missing > 0) {
        if (byte < low || byte > high) return false;
        missing--;
        low = 0x80;
        high = 0xbf;
      } else if (byte >= 0x80) {
        if (byte < 0xc2 || byte > 0xf4) return false;
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        if (byte === 0xe0) low = 0xa0;
        else if (byte === 0xf0) low = 0x90;
        else if (byte === 0xed) high = 0x9f;
        else if (byte === 0xf4) high = 0x8f;
      }
    }
    Object.assign(this, { missing, low, high });
    return true;
  }

  get complete() {
    return this.missing === 0;
  }
}
