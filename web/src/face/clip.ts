import { FPS, SHAPES, TURNS } from './names';

const COLUMNS = SHAPES + TURNS;

const STILL = new Float32Array(TURNS);

/** The frames of one sound as they come in: 30 a second, in order, without holes. */
export class Clip {
  private values = new Float32Array(COLUMNS * FPS * 16);
  /** Frames so far. */
  count = 0;
  /** Whether the last frame is there. */
  complete = false;

  /** Seconds that the frames so far cover. */
  get seconds(): number {
    return this.count / FPS;
  }

  /** Takes rows from frame `first` on, and how the head turns. What is already there is skipped; a hole is an error, for no frame is ever made up. */
  put(first: number, rows: readonly ArrayLike<number>[], head: readonly ArrayLike<number>[] = []): void {
    if (first > this.count) throw new RangeError(`frame ${this.count} is missing: the next to come was ${first}`);
    for (let at = this.count - first; at < rows.length; at++) this.append(rows[at], head[at] ?? STILL);
  }

  /** Frame `number`, a view of 52 weights. */
  frame(number: number): Float32Array {
    return this.values.subarray(number * COLUMNS, number * COLUMNS + SHAPES);
  }

  /** The face at `seconds`, between its two frames, and the turn of the head; the last one stays. False while there is no frame yet. */
  at(seconds: number, into: Float32Array, turn: Float32Array = new Float32Array(TURNS)): boolean {
    if (this.count === 0) return false;
    const place = Math.min(Math.max(seconds * FPS, 0), this.count - 1);
    const first = Math.floor(place + 1e-6), share = Math.max(0, place - first);
    const a = first * COLUMNS, b = Math.min(first + 1, this.count - 1) * COLUMNS;
    const between = (column: number): number => this.values[a + column] + (this.values[b + column] - this.values[a + column]) * share;
    for (let shape = 0; shape < SHAPES; shape++) into[shape] = between(shape);
    for (let axis = 0; axis < TURNS; axis++) turn[axis] = between(SHAPES + axis);
    return true;
  }

  /** The weights of one shape over all frames. */
  curve(shape: number): Float32Array {
    return Float32Array.from({ length: this.count }, (_, frame) => this.values[frame * COLUMNS + shape]);
  }

  private append(row: ArrayLike<number>, turn: ArrayLike<number>): void {
    if (row.length !== SHAPES) throw new RangeError(`frame ${this.count} has ${row.length} values instead of ${SHAPES}`);
    if ((this.count + 1) * COLUMNS > this.values.length) {
      const larger = new Float32Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(row, this.count * COLUMNS);
    this.values.set(turn, this.count++ * COLUMNS + SHAPES);
  }
}
