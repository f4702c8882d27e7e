/** A sound that can be started anywhere. Times are seconds of the clock that the player is given. */
export interface Voice {
  /** Length of the sound. */
  readonly seconds: number;
  /** Starts `from` seconds into the sound, `rate` times as fast, round and round with `loop`; returns when, by the clock, it is heard. */
  start(from: number, rate: number, loop: boolean): number;
  stop(): void;
}

/** How much of the face must be there before the sound goes on after it had to wait. */
const HEAD_START = 0.2;

/**
 * Where in the sound we are. The clock is the sound's own, and the position is computed from it anew each time, never added up: so the
 * face cannot drift from the sound, however long it plays and however late a frame is drawn. Where the frames are not there
 * yet, the sound waits for them.
 */
export class Player {
  private voice: Voice | null = null;
  private from = 0;
  private since = 0;
  private sounding = false;
  private speed = 1;
  private round = false;
  /** Whether it plays, or would if the frames were there. */
  playing = false;
  /** Seconds for which frames are there; Infinity when all are. */
  ready: () => number = () => Infinity;

  constructor(private readonly clock: () => number) {}

  load(voice: Voice | null, ready: () => number): void {
    this.halt();
    [this.voice, this.ready, this.from, this.playing] = [voice, ready, 0, false];
  }

  get seconds(): number {
    return this.voice?.seconds ?? 0;
  }

  /** Playing, but the frames are not there yet. */
  get waiting(): boolean {
    return this.playing && !this.sounding;
  }

  play(): void {
    if (!this.voice) return;
    if (this.from >= this.seconds) this.from = 0;
    this.playing = true;
    this.tick();
  }

  pause(): void {
    this.from = this.position();
    this.halt();
    this.playing = false;
  }

  seek(seconds: number): void {
    this.halt();
    this.from = Math.min(Math.max(0, seconds), this.seconds);
    if (this.playing) this.tick();
  }

  get rate(): number {
    return this.speed;
  }

  set rate(rate: number) {
    this.change(() => (this.speed = rate));
  }

  get loop(): boolean {
    return this.round;
  }

  set loop(loop: boolean) {
    this.change(() => (this.round = loop));
  }

  /** Seconds into the sound that are heard now. */
  position(): number {
    if (!this.sounding) return this.from;
    const at = this.from + Math.max(0, this.clock() - this.since) * this.speed;
    return this.round && this.seconds > 0 ? at % this.seconds : Math.min(at, this.seconds);
  }

  /** Starts, waits or ends as it must; call it before each drawing. Returns the position. */
  tick(): number {
    const at = this.position();
    if (this.sounding && at > this.ready()) this.wait();
    else if (this.sounding && !this.round && at >= this.seconds) this.pause();
    else if (this.waiting && this.ready() >= Math.min(at + HEAD_START, this.seconds)) this.sound();
    return this.position();
  }

  private change(what: () => void): void {
    const at = this.position();
    this.halt();
    this.from = at;
    what();
    if (this.playing) this.tick();
  }

  private wait(): void {
    const at = Math.min(this.position(), this.ready());
    this.halt();
    this.from = at;
  }

  private sound(): void {
    this.since = this.voice!.start(this.from, this.speed, this.round);
    this.sounding = true;
  }

  private halt(): void {
    if (this.sounding) this.voice!.stop();
    this.sounding = false;
  }
}
