import { column } from './names';

/** How the head is held, radians and metres. */
export interface Pose { pitch: number; yaw: number; roll: number; lift: number }

const BLINK = [column('eyeBlinkLeft'), column('eyeBlinkRight')];
const LOOK = ['Up', 'Down', 'In', 'Out'].map((way) => [column(`eyeLook${way}Left`), column(`eyeLook${way}Right`)]);
const [UP, DOWN, IN, OUT] = LOOK;

/** A number in 0..1 that belongs to `n`: the same at every visit, so that the idle life is a function of time alone. */
function chance(n: number): number {
  const x = Math.sin(n * 127.1 + 311.7) * 43758.5453;
  return x - Math.floor(x);
}

const BLINK_EVERY = 3.6, BLINK_SECONDS = 0.22, LOOK_EVERY = 1.3, SACCADE_SECONDS = 0.045, BREATH_SECONDS = 4.4;

/** How far the lids are closed at `seconds`, 0..1: down in a third of the time, up in the rest. */
export function blinkAt(seconds: number): number {
  const turn = Math.floor(seconds / BLINK_EVERY);
  const since = (seconds - (turn + 0.2 + 0.6 * chance(turn)) * BLINK_EVERY) / BLINK_SECONDS;
  if (since <= 0 || since >= 1) return 0;
  const part = since < 1 / 3 ? since * 3 : (1 - since) * 1.5;
  return part * part * (3 - 2 * part);
}

/** Where the eyes look at `seconds`: [to the character's left, up], each within ±1; they jump and rest. */
export function gazeAt(seconds: number): [number, number] {
  const turn = Math.floor(seconds / LOOK_EVERY), part = Math.min(1, (seconds - turn * LOOK_EVERY) / SACCADE_SECONDS);
  const aim = (n: number): [number, number] => [chance(n + 0.31) - 0.5, (chance(n + 0.73) - 0.5) * 0.6];
  const [x0, y0] = aim(turn - 1), [x1, y1] = aim(turn);
  return [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part];
}

/** Adds blinks (only where the clip brings none of its own: `blinks`) and tiny saccades to `weights`. */
export function addIdle(weights: Float32Array, seconds: number, blinks: boolean): void {
  const closed = blinks ? blinkAt(seconds) : 0, [left, up] = gazeAt(seconds), size = 0.16;
  for (const eye of BLINK) weights[eye] = Math.max(weights[eye], closed);
  const add = (shape: number, value: number): void => {
    weights[shape] = Math.min(1, weights[shape] + Math.max(0, value) * size);
  };
  for (const eye of [0, 1]) {
    const outwards = eye === 0 ? left : -left;
    add(UP[eye], up);
    add(DOWN[eye], -up);
    add(OUT[eye], outwards);
    add(IN[eye], -outwards);
  }
}

/** The head's breath and sway at `seconds`. */
export function breathAt(seconds: number): Pose {
  const wave = (period: number, phase: number): number => Math.sin((2 * Math.PI * seconds) / period + phase);
  return {
    pitch: 0.008 * wave(BREATH_SECONDS, 0) + 0.010 * wave(11.3, 1),
    yaw: 0.018 * wave(9.1, 2) + 0.010 * wave(5.7, 4),
    roll: 0.007 * wave(13.7, 3),
    lift: 0.0012 * wave(BREATH_SECONDS, 0.6),
  };
}
