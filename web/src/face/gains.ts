import { NAMES } from './names';

/** What the sliders multiply: the mouth with jaw, cheeks' puff and tongue; the brows. */
export interface Gains { mouth: number; brows: number }

const MOUTH = NAMES.map((name) => /^(jaw|mouth|tongue|cheekPuff)/.test(name));
const BROWS = NAMES.map((name) => name.startsWith('brow'));

/** Multiplies in place and keeps every weight within 0..1. */
export function applyGains(weights: Float32Array, gains: Gains): void {
  for (let shape = 0; shape < weights.length; shape++) {
    const gain = MOUTH[shape] ? gains.mouth : BROWS[shape] ? gains.brows : 1;
    weights[shape] = Math.min(1, Math.max(0, weights[shape] * gain));
  }
}
