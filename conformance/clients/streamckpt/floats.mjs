// Floats by their bits, so that no NaN loses any of them.

export function numberOfBits(bits) {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0];
}

// LEAF-8: widens through the bits. A number of JavaScript might lose those of a NaN.
export function widen(bits) {
  if ((bits & 0x7f800000) !== 0x7f800000) {
    return new BigUint64Array(Float64Array.of(new Float32Array(Uint32Array.of(bits).buffer)[0]).buffer)[0];
  }
  const sign = BigInt(bits >>> 31) << 63n;
  const fraction = BigInt(bits & 0x7fffff) << 29n;
  const quiet = fraction === 0n ? 0n : 1n << 51n;
  return sign | (0x7ffn << 52n) | quiet | fraction;
}
