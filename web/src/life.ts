import type { Clip } from './face/clip';
import { applyGains, type Gains } from './face/gains';
import { addIdle, breathAt, type Pose } from './face/idle';
import { NAMES, SHAPES, TURNS } from './face/names';
import type { Player } from './time/player';

/** What is on: a clip that the player's clock leads, or one that is still being spoken. */
export interface Scene { clip: Clip | null; live: boolean }

const STILL: Pose = { pitch: 0, yaw: 0, roll: 0, lift: 0 };
/** Without a clip: lips that touch, for the neutral pose leaves them half a millimetre apart. */
const REST = Float32Array.from(NAMES, (name) => (name === 'mouthClose' ? 0.018 : 0));
/** Live frames come in handfuls: shown this far behind the newest one they become even. Seconds. */
const LIVE_LAG = 0.1;

/** The face at each moment: the clip's frame, the sliders, and the idle life over it. */
export class Life {
  readonly gains: Gains = { mouth: 1, brows: 1 };
  idle = true;
  /** Whether the head turns as the clip says. */
  turning = true;
  /** The weights that were last shown, and the clip's own frame that they came from. */
  readonly shown = new Float32Array(SHAPES);
  readonly source = new Float32Array(SHAPES);
  private readonly turn = new Float32Array(TURNS);
  private liveAt = 0;
  private before = 0;
  private readonly costs = new Float32Array(600);
  private frames = 0;

  constructor(private readonly player: Player, private readonly scene: () => Scene) {}

  /** `now` is the page's clock, seconds: it moves the idle life, never the speech. */
  at(now: number): { weights: Float32Array; pose: Pose; at: number } {
    const { clip, live } = this.scene();
    const at = live && clip ? this.follow(clip, now) : this.player.tick();
    this.before = now;
    if (!clip?.at(at, this.source, this.turn)) {
      this.source.set(REST);
      this.turn.fill(0);
    }
    this.shown.set(this.source);
    applyGains(this.shown, this.gains);
    // A clip that is on brings its own blinks and glances.
    if (this.idle && !live && !this.player.playing) addIdle(this.shown, now, true);
    return { weights: this.shown, pose: this.pose(now), at };
  }

  /** How the clip turns the head, and the breath over it. */
  private pose(now: number): Pose {
    const { pitch, yaw, roll, lift } = this.idle ? breathAt(now) : STILL;
    if (!this.turning) return { pitch, yaw, roll, lift };
    const [left, down, over] = this.turn.map((degrees) => (degrees * Math.PI) / 180);
    return { pitch: pitch + down, yaw: yaw + left, roll: roll + over, lift };
  }

  /** The script's milliseconds for one picture. */
  spent(milliseconds: number): void {
    this.costs[this.frames++ % this.costs.length] = milliseconds;
  }

  /** Median and 95th percentile of the last pictures' script time, milliseconds; and how many there were since the page began. */
  cost(): { median: number; high: number; frames: number } {
    const sorted = this.costs.slice(0, Math.min(this.frames, this.costs.length)).sort();
    const part = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return { median: part(0.5), high: part(0.95), frames: this.frames };
  }

  /** Goes on evenly just behind the newest frame. */
  private follow(clip: Clip, now: number): number {
    if (clip.count === 0) return (this.liveAt = 0);
    const even = this.liveAt + (now - this.before);
    this.liveAt = Math.min(Math.max(even, clip.seconds - 3 * LIVE_LAG), Math.max(0, clip.seconds - LIVE_LAG));
    return this.liveAt;
  }
}
