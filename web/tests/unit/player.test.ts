import { describe, expect, it } from 'vitest';
import { Clip } from '../../src/face/clip';
import { FPS, SHAPES } from '../../src/face/names';
import { Player, type Voice } from '../../src/time/player';

/** A loudspeaker of arithmetic: it knows by itself what is heard at each moment of its clock. */
class Heard implements Voice {
  from = 0;
  when = 0;
  rate = 1;
  loop = false;
  sounding = false;

  constructor(readonly seconds: number, private readonly clock: { now: number }, private readonly delay = 0.02) {}

  start(from: number, rate: number, loop: boolean): number {
    Object.assign(this, { from, rate, loop, sounding: true, when: this.clock.now + this.delay });
    return this.when;
  }

  stop(): void {
    this.from = this.now();
    this.sounding = false;
  }

  now(): number {
    if (!this.sounding) return this.from;
    const at = this.from + Math.max(0, this.clock.now - this.when) * this.rate;
    return this.loop ? at % this.seconds : Math.min(at, this.seconds);
  }
}

function stage(seconds: number, ready: () => number = () => Infinity) {
  const clock = { now: 100 }, voice = new Heard(seconds, clock), player = new Player(() => clock.now);
  player.load(voice, ready);
  return { clock, voice, player };
}

/** Numbers in 0..1, the same in each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

describe('the face and the sound', () => {
  it('stay within a frame of each other for ten minutes of late and uneven drawing, at any speed', () => {
    for (const rate of [1, 0.5]) {
      const { clock, voice, player } = stage(600), throwDice = dice(7);
      player.rate = rate;
      player.play();
      let worst = 0;
      for (const end = clock.now + 599 / rate; clock.now < end; clock.now += 0.004 + 0.09 * throwDice() ** 3) {
        worst = Math.max(worst, Math.abs(player.tick() - voice.now()));
      }
      expect(player.position()).toBeGreaterThan(598);
      expect(worst).toBeLessThan(1 / FPS / 100);
    }
  });

  it('stay together through pauses, jumps, loops and changes of speed', () => {
    const { clock, voice, player } = stage(37.123), throwDice = dice(3);
    player.loop = true;
    player.play();
    for (let turn = 0; turn < 20_000; turn++) {
      clock.now += 0.03 * throwDice();
      const what = throwDice();
      if (what < 0.002) player.seek(throwDice() * 37);
      else if (what < 0.004) player.rate = throwDice() < 0.5 ? 1 : 0.5;
      else if (what < 0.006) player.playing ? player.pause() : player.play();
      player.tick();
      if (player.playing) expect(Math.abs(player.position() - voice.now())).toBeLessThan(1e-6);
    }
  });

  it('go round without a seam: after ten minutes of a loop the same place is heard and shown', () => {
    const { clock, voice, player } = stage(3.2001);
    player.loop = true;
    player.play();
    for (let turn = 0; turn < 36_000; turn++) (clock.now += 1 / 60), player.tick();
    expect(player.position()).toBeCloseTo(voice.now(), 6);
    expect(player.playing).toBe(true);
  });
});

describe('a player whose frames are still coming', () => {
  it('lets the sound wait for them, and loses nothing of it', () => {
    let there = 0;
    const { clock, voice, player } = stage(10, () => there);
    player.play();
    expect(player.waiting).toBe(true);
    there = 2;
    player.tick();
    expect(voice.sounding).toBe(true);
    clock.now += 5;
    player.tick();
    expect(voice.sounding).toBe(false);
    expect(player.position()).toBe(2);
    there = 10;
    player.tick();
    expect(voice.sounding).toBe(true);
    expect(voice.from).toBe(2);
  });

  it('does not stutter: it goes on only when there is enough to go on with', () => {
    let there = 1;
    const { clock, voice, player } = stage(10, () => there);
    player.play();
    clock.now += 1.5;
    player.tick();
    there = 1.05;
    player.tick();
    expect(voice.sounding).toBe(false);
  });
});

describe('the keys', () => {
  it('stop at the end, and begin again from the beginning', () => {
    const { clock, player } = stage(2);
    player.play();
    clock.now += 3;
    player.tick();
    expect([player.playing, player.position()]).toEqual([false, 2]);
    player.play();
    expect([player.playing, player.position()]).toEqual([true, 0]);
  });

  it('cannot scrub out of the sound', () => {
    const { player } = stage(2);
    player.seek(-1);
    expect(player.position()).toBe(0);
    player.seek(9);
    expect(player.position()).toBe(2);
  });

  it('do nothing without a sound', () => {
    const player = new Player(() => 0);
    player.play();
    expect([player.playing, player.seconds, player.tick()]).toEqual([false, 0, 0]);
  });
});

describe('a clip', () => {
  const row = (value: number): number[] => Array(SHAPES).fill(value);

  it('shows at f / 30 seconds exactly frame f, and between two frames what lies between', () => {
    const clip = new Clip(), face = new Float32Array(SHAPES);
    clip.put(0, Array.from({ length: 900 }, (_, frame) => row((frame % 7) / 8)));
    for (let frame = 0; frame < 900; frame++) {
      clip.at(frame / FPS, face);
      expect(face[0]).toBeCloseTo((frame % 7) / 8, 4);
    }
    clip.at(0.5 / FPS, face);
    expect(face[51]).toBeCloseTo(1 / 16, 6);
  });

  it('turns the head between two frames, too, and holds it still where nothing is said of it', () => {
    const clip = new Clip(), face = new Float32Array(SHAPES), turn = new Float32Array(3);
    clip.put(0, [row(0.1), row(0.2)], [[0, 2, -4], [10, 4, 0]]);
    clip.put(2, [row(0.3)]);
    clip.at(0.5 / FPS, face, turn);
    expect([...turn]).toEqual([5, 3, -2]);
    clip.at(2 / FPS, face, turn);
    expect([...turn]).toEqual([0, 0, 0]);
    expect(face[0]).toBeCloseTo(0.3);
    expect([...clip.curve(3)].map((value) => value.toFixed(1))).toEqual(['0.1', '0.2', '0.3']);
  });

  it('takes a chunk that comes twice once', () => {
    const clip = new Clip();
    clip.put(0, [row(0.1), row(0.2)]);
    clip.put(0, [row(0.9), row(0.9), row(0.3)]);
    expect(clip.count).toBe(3);
    expect(clip.frame(1)[0]).toBeCloseTo(0.2);
    expect(clip.frame(2)[0]).toBeCloseTo(0.3);
  });

  it('refuses a hole and a frame of the wrong width', () => {
    const clip = new Clip();
    expect(() => clip.put(1, [row(0)])).toThrow('frame 0 is missing');
    expect(() => clip.put(0, [[1, 2]])).toThrow('2 values instead of 52');
  });

  it('holds its last frame, and shows nothing before its first', () => {
    const clip = new Clip(), face = new Float32Array(SHAPES);
    expect(clip.at(0, face)).toBe(false);
    clip.put(0, [row(0.5)]);
    expect(clip.at(99, face)).toBe(true);
    expect(face[0]).toBe(0.5);
  });
});
