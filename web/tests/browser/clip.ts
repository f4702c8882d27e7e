import { column, FPS, SHAPES } from '../../src/face/names';
import { wav } from '../../src/live/wire';

export const VOWEL = 0.5, M = 1.2;

/** Two seconds: a vowel around 0.5 s, an /m/ around 1.2 s (jaw still low, lips together), a smile afterwards; each frame is its own. */
export function fixedClip(seconds = 2): number[][] {
  return Array.from({ length: Math.ceil(seconds * FPS) }, (_, frame) => {
    const row = Array<number>(SHAPES).fill(0), at = frame / FPS;
    const set = (name: string, value: number): void => void (row[column(name)] = value);
    if (Math.abs(at - VOWEL) < 0.25) set('jawOpen', 0.55);
    if (Math.abs(at - M) < 0.25) [set('jawOpen', 0.25), set('mouthClose', 0.25), set('mouthPressLeft', 0.3), set('mouthPressRight', 0.3)];
    if (at > 1.6) [set('mouthSmileLeft', 0.8), set('mouthSmileRight', 0.8), set('jawOpen', 0.15)];
    // A mark by which a test knows the frame.
    set('noseSneerLeft', (frame % 97) / 970);
    return row;
  });
}

/** A WAV of `seconds` with a hum in it. */
export async function hum(seconds: number, rate = 16000): Promise<Buffer> {
  const samples = Int16Array.from({ length: seconds * rate }, (_, at) => 6000 * Math.sin(at * 0.08) * (0.4 + 0.6 * Math.abs(Math.sin(at * 0.0004))));
  return Buffer.from(await wav(samples, rate).arrayBuffer());
}
