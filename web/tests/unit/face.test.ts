import { describe, expect, it } from 'vitest';
import { applyGains } from '../../src/face/gains';
import { addIdle, blinkAt, breathAt, gazeAt } from '../../src/face/idle';
import { column, NAMES, SHAPES } from '../../src/face/names';
import { shapeOf } from '../../src/scene/binding';
import { LANGUAGES, pickLanguage, speaker } from '../../src/words';

describe('the 52 names', () => {
  it('are in alphabetical order, as on the wire', () => {
    expect(NAMES).toHaveLength(52);
    expect([...NAMES].sort()).toEqual([...NAMES]);
  });

  it.each([['jawOpen', 'jawOpen'], ['JawOpen', 'jawOpen'], ['Face.M_F00.jawOpen', 'jawOpen'], ['browDown_L', 'browDownLeft'], ['mouthSmile_R', 'mouthSmileRight'],
    ['eye_blink_left', 'eyeBlinkLeft'], ['tongueOut', 'tongueOut']])('are known as %s, too', (written, name) => {
    expect(shapeOf(written)).toBe(column(name));
  });

  it.each(['Joy', 'A', 'jaw', ''])('are not %j', (stranger) => expect(shapeOf(stranger)).toBe(-1));
});

describe('the idle life', () => {
  const seconds = Array.from({ length: 60_000 }, (_, at) => at / 100);

  it('blinks about every four seconds, wholly, and never for longer than a quarter of a second', () => {
    const closed = seconds.map((at) => blinkAt(at) > 0);
    const blinks = closed.filter((now, at) => now && !closed[at - 1]).length;
    expect(blinks).toBeGreaterThan(130);
    expect(blinks).toBeLessThan(200);
    expect(closed.filter(Boolean).length / blinks).toBeLessThan(25);
    expect(Math.max(...seconds.map(blinkAt))).toBeGreaterThan(0.95);
  });

  it('keeps every weight within 0..1, and moves nothing but the eyes', () => {
    const eyes = NAMES.map((name) => /^eye(Blink|Look)/.test(name));
    for (const at of seconds) {
      const face = new Float32Array(SHAPES).fill(0);
      addIdle(face, at, true);
      face.forEach((weight, shape) => {
        if (!(weight >= 0 && weight <= 1 && (eyes[shape] || weight === 0))) expect.fail(`${NAMES[shape]} is ${weight}`);
      });
    }
  });

  it('looks with both eyes the same way', () => {
    for (const at of seconds.filter((_, n) => n % 37 === 0)) {
      const face = new Float32Array(SHAPES);
      addIdle(face, at, false);
      const weight = (name: string): number => face[column(name)];
      expect(weight('eyeLookOutLeft')).toBeCloseTo(weight('eyeLookInRight'));
      expect(weight('eyeLookInLeft')).toBeCloseTo(weight('eyeLookOutRight'));
      expect(weight('eyeLookUpLeft')).toBeCloseTo(weight('eyeLookUpRight'));
    }
  });

  it('adds no blink where the clip brings its own', () => {
    for (const at of seconds) {
      const face = new Float32Array(SHAPES);
      addIdle(face, at, false);
      expect(face[column('eyeBlinkLeft')]).toBe(0);
    }
  });

  it('glances in jumps of a twentieth of a second, and breathes without any', () => {
    const resting = seconds.filter((at, n) => n > 0 && gazeAt(at)[0] === gazeAt(seconds[n - 1])[0]).length;
    expect(resting / seconds.length).toBeGreaterThan(0.9);
    seconds.forEach((at) => expect(Math.abs(breathAt(at + 0.01).pitch - breathAt(at).pitch)).toBeLessThan(0.001));
  });
});

describe('the sliders', () => {
  const half = (): Float32Array => new Float32Array(SHAPES).fill(0.5);

  it('multiply the mouth and the brows apart from each other, and nothing else', () => {
    const face = half();
    applyGains(face, { mouth: 0, brows: 1.5 });
    expect([face[column('jawOpen')], face[column('browInnerUp')], face[column('eyeBlinkLeft')]]).toEqual([0, 0.75, 0.5]);
  });

  it('never leave 0..1', () => {
    const face = half();
    applyGains(face, { mouth: 9, brows: 9 });
    expect(Math.max(...face)).toBe(1);
  });
});

describe('the words', () => {
  it('are there in both languages, with the same blanks but for what the service says itself', () => {
    const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const [word, text] of Object.entries(LANGUAGES.en)) {
      const other = LANGUAGES.vi[word as keyof typeof LANGUAGES.en];
      expect(other, word).toBeTruthy();
      // A refusal's English is the service's own sentence; in another language it says which kind it is.
      if (!word.startsWith('refused')) expect(blanks(other), word).toEqual(blanks(text));
    }
  });

  it.each([[['vi-VN', 'en'], 'vi'], [['de', 'vi'], 'vi'], [['en-GB', 'vi'], 'en'], [['fr'], 'en'], [[], 'en']] as const)('follow the browser: %j', (wishes, language) => {
    expect(pickLanguage(wishes)).toBe(language);
  });

  it('fill in what they are given', () => expect(speaker('en')('queued', { name: 'x.wav', position: 3 })).toBe('x.wav: number 3 in the queue'));
});
