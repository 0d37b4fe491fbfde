/** Small whole numbers in few bytes: seven bits a byte, the lowest first, the eighth says that more follow (LEB128). */

/** @param numbers each in 0..2^31 - 1 */
export function packNumbers(numbers: Int32Array): Uint8Array {
  let bytes = new Uint8Array(numbers.length * 2 + 8);
  let at = 0;
  for (let i = 0; i < numbers.length; i++) {
    if (at + 5 > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    let rest = numbers[i];
    for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
    bytes[at++] = rest;
  }
  return bytes.subarray(0, at);
}

export function unpackNumbers(bytes: Uint8Array): Int32Array {
  let count = 0;
  for (const byte of bytes) if (byte < 128) count++;
  const numbers = new Int32Array(count);
  for (let i = 0, at = 0; i < count; i++) {
    let number = 0;
    let shift = 0;
    for (; bytes[at] > 127; at++, shift += 7) number |= (bytes[at] & 127) << shift;
    numbers[i] = number | (bytes[at++] << shift);
  }
  return numbers;
}

/** What each number is more than the one before it. */
export const differences = (ascending: Int32Array): Int32Array =>
  ascending.map((number, i) => number - (i > 0 ? ascending[i - 1] : 0));

export function sums(differences: Int32Array): Int32Array {
  const numbers = differences.slice();
  for (let i = 1; i < numbers.length; i++) numbers[i] += numbers[i - 1];
  return numbers;
}
