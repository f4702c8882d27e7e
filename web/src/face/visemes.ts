import TABLE from './visemes.json';
import { column, NAMES } from './names';

/** What an avatar without the 52 shapes has: VRM's vowels, or the visemes of Oculus; emotalk.export.visemes says more. */
export type VisemeSet = 'vrm' | 'oculus';

export const visemeNames = (set: VisemeSet): string[] => Object.keys(TABLE[set]);

const COLUMNS = TABLE.shapes.map((shape) => NAMES.flatMap((name, at) => ([shape, `${shape}Left`, `${shape}Right`].includes(name) ? [at] : [])));
const SHUT_LIPS = 0.05, SPARSE = 0.02, ROUNDS = 300;

/** Takes frames apart into the poses of a set's visemes: weights ≥ 0, at most 1 together, none that opens lips that meet. */
export class Visemes {
  readonly names: string[];
  private readonly poses: number[][];
  private readonly alike: number[][];
  private readonly dear: number[];
  private readonly step: number;
  private readonly closing: number;
  private readonly biting: number;
  private readonly silent: number;

  constructor(set: VisemeSet) {
    this.names = visemeNames(set);
    [this.silent, this.closing, this.biting] = ['sil', 'PP', 'FF'].map((name) => this.names.indexOf(name));
    this.poses = Object.values(TABLE[set]);
    this.alike = this.poses.map((one) => this.poses.map((other) => dot(one, other)));
    this.dear = this.poses.map((pose) => SPARSE * Math.sqrt(dot(pose, pose)));
    this.step = 1 / largest(this.alike);
  }

  /** A weight per viseme for one frame of the 52. */
  of(face: Float32Array): number[] {
    const mouth = COLUMNS.map((columns) => columns.reduce((sum, at) => sum + face[at], 0) / columns.length);
    const weights = this.apart(mouth), met = Math.max(0, 1 - lipGap(face) / SHUT_LIPS);
    if (this.silent >= 0) weights[this.silent] = 0;
    const bitten = this.biting < 0 ? 0 : Math.min(1, 2 * weights[this.biting]);
    const shut = weights.map((weight, at) => (at === this.closing || at === this.biting ? weight : weight * (1 - met)));
    if (this.closing >= 0) shut[this.closing] = Math.max(shut[this.closing], met * (1 - bitten) * effort(face));
    const all = Math.max(1, shut.reduce((sum, weight) => sum + weight, 0)), shares = shut.map((weight) => weight / all);
    if (this.silent >= 0) shares[this.silent] = Math.max(0, 1 - shares.reduce((sum, weight) => sum + weight, 0));
    return shares;
  }

  /** Least squares by projected gradients with momentum. */
  private apart(mouth: number[]): number[] {
    const heard = this.poses.map((pose, at) => dot(pose, mouth) - this.dear[at]);
    let weights = heard.map(() => 0), ahead = weights, pace = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const before = weights, last = pace, from = ahead;
      weights = from.map((weight, at) => Math.min(1, Math.max(0, weight + this.step * (heard[at] - dot(from, this.alike[at])))));
      pace = (1 + Math.sqrt(1 + 4 * pace * pace)) / 2;
      ahead = weights.map((weight, at) => weight + ((last - 1) / pace) * (weight - before[at]));
    }
    return weights;
  }
}

const dot = (one: number[], other: number[]): number => {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += one[at] * other[at];
  return sum;
};

/** The largest eigenvalue of a symmetric matrix. */
function largest(matrix: number[][]): number {
  let vector = matrix.map(() => 1), size = 1;
  for (let round = 0; round < 100; round++) {
    const next = matrix.map((row) => dot(row, vector));
    size = Math.sqrt(dot(next, next));
    vector = next.map((value) => value / size);
  }
  return size;
}

const at = (face: Float32Array, ...names: string[]): number => names.reduce((sum, name) => sum + face[column(name)], 0) / names.length;
const both = (face: Float32Array, name: string): number => at(face, `${name}Left`, `${name}Right`);

/** How far the lips are apart, 0 where they meet, as a share of a jaw that is all open. */
export function lipGap(face: Float32Array): number {
  const pressed = both(face, 'mouthPress') + at(face, 'mouthRollLower', 'mouthRollUpper');
  const parted = both(face, 'mouthLowerDown') + both(face, 'mouthUpperUp');
  return Math.max(0, at(face, 'jawOpen') - at(face, 'mouthClose') + (parted - pressed) / 2);
}

/** Lips that are brought together, rather than at rest. */
const effort = (face: Float32Array): number =>
  Math.min(1, (both(face, 'mouthPress') + at(face, 'mouthRollUpper') + at(face, 'mouthClose')) / 0.2);
