const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/**
 * float32 to IEEE 754 half precision, rounded to nearest even. Beyond 65,504 becomes infinity; below 6.1e-5 in size becomes zero
 * (z-scores need no subnormals); NaN stays NaN.
 */
export function toFloat16(value: number): number {
  word[0] = value;
  const x = bits[0]!;
  const sign = (x >>> 16) & 0x8000;
  const exponent = (x >>> 23) & 0xff;
  if (exponent === 0xff) return sign | ((x & 0x7fffff) === 0 ? 0x7c00 : 0x7e00);
  const half = exponent - 112;
  if (half <= 0) return sign;
  if (half >= 31) return sign | 0x7c00;
  const mantissa = x & 0x7fffff;
  // A carry out of the mantissa moves into the exponent by itself, up to infinity.
  const rounded = ((half << 10) | (mantissa >>> 13)) + ((mantissa & 0x1fff) > 0x1000 || (mantissa & 0x3fff) === 0x3000 ? 1 : 0);
  return sign | rounded;
}
