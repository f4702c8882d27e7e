import { SHAPES, TURNS } from '../face/names';

/** A binary message of `WS /v1/stream`: uint32 first frame, uint32 count, count × 52 float16 and, with a head, count × 3, all little-endian. */
export function readFrames(message: ArrayBuffer): { first: number; rows: Float32Array[]; head: Float32Array[] } {
  const view = new DataView(message), first = view.getUint32(0, true), count = view.getUint32(4, true);
  const face = 8 + count * SHAPES * 2, whole = face + count * TURNS * 2, turns = message.byteLength === whole;
  if (!turns && message.byteLength !== face) throw new RangeError(`${count} frames do not fill ${message.byteLength} bytes`);
  const row = (start: number, width: number, at: number): Float32Array =>
    Float32Array.from({ length: width }, (_, column) => half(view.getUint16(start + 2 * (at * width + column), true)));
  const rows = (start: number, width: number): Float32Array[] => Array.from({ length: count }, (_, at) => row(start, width, at));
  return { first, rows: rows(8, SHAPES), head: turns ? rows(face, TURNS) : [] };
}

/** IEEE 754 binary16. `DataView.getFloat16` is too new to rely on. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Samples in -1..1 as 16-bit integers. */
export function pcm16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.min(1, Math.max(-1, sample)) * 32767));
}

/** A mono 16-bit WAV file. */
export function wav(samples: Int16Array<ArrayBuffer>, rate: number): Blob {
  const head = new DataView(new ArrayBuffer(44));
  const text = (at: number, word: string): void => [...word].forEach((letter, n) => head.setUint8(at + n, letter.charCodeAt(0)));
  text(0, 'RIFF');
  head.setUint32(4, 36 + samples.byteLength, true);
  text(8, 'WAVEfmt ');
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, 'data');
  head.setUint32(40, samples.byteLength, true);
  return new Blob([head, samples], { type: 'audio/wav' });
}
