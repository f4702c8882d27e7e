import { FPS, SHAPES } from './names';

/** The frames of one sound as they come in: 30 a second, in order, without holes. */
export class Clip {
  private values = new Float32Array(SHAPES * FPS * 16);
  /** Frames so far. */
  count = 0;
  /** Whether the last frame is there. */
  complete = false;

  /** Seconds that the frames so far cover. */
  get seconds(): number {
    return this.count / FPS;
  }

  /** Takes rows from frame `first` on. What is already there is skipped; a hole is an error, for no frame is ever made up. */
  put(first: number, rows: readonly ArrayLike<number>[]): void {
    if (first > this.count) throw new RangeError(`frame ${this.count} is missing: the next to come was ${first}`);
    for (let at = this.count - first; at < rows.length; at++) this.append(rows[at]);
  }

  /** Frame `number`, a view of 52 weights. */
  frame(number: number): Float32Array {
    return this.values.subarray(number * SHAPES, (number + 1) * SHAPES);
  }

  /** The face at `seconds`, between its two frames; the last one stays. False while there is no frame yet. */
  at(seconds: number, into: Float32Array): boolean {
    if (this.count === 0) return false;
    const place = Math.min(Math.max(seconds * FPS, 0), this.count - 1);
    const first = Math.floor(place + 1e-6), share = Math.max(0, place - first);
    const a = this.frame(first), b = this.frame(Math.min(first + 1, this.count - 1));
    for (let shape = 0; shape < SHAPES; shape++) into[shape] = a[shape] + (b[shape] - a[shape]) * share;
    return true;
  }

  /** The weights of one shape over all frames. */
  curve(shape: number): Float32Array {
    return Float32Array.from({ length: this.count }, (_, frame) => this.values[frame * SHAPES + shape]);
  }

  private append(row: ArrayLike<number>): void {
    if (row.length !== SHAPES) throw new RangeError(`frame ${this.count} has ${row.length} values instead of ${SHAPES}`);
    if ((this.count + 1) * SHAPES > this.values.length) {
      const larger = new Float32Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(row, this.count++ * SHAPES);
  }
}
