import { describe, expect, it } from 'vitest';
import { asked, askedLive, FEELINGS, Felt, Keys, said } from '../../src/face/feelings';

const row = (column: number, value: number): number[] => FEELINGS.map((_, at) => (at === column ? value : 0));
const JOY = FEELINGS.indexOf('joy');

describe('what was felt', () => {
  it('is put together of what comes, whatever comes twice', () => {
    const felt = new Felt();
    felt.put({ first_step: 0, activation: [0.1, 0.2], drawn: [row(JOY, 0), row(JOY, 0.5)] });
    felt.put({ first_step: 1, activation: [0.9, 0.3], drawn: [row(JOY, 0.9), row(JOY, 0.7)] });
    expect(felt.activation).toEqual([0.1, 0.2, 0.3]);
    expect(felt.curve('joy')).toEqual([0, 0.5, 0.7]);
  });

  it('is calm where nobody told it', () => {
    const felt = new Felt();
    felt.put({ first_step: 2, activation: [0.4], drawn: [row(JOY, 1)] });
    expect(felt.activation).toEqual([0, 0, 0.4]);
    expect(felt.curve('joy')).toEqual([0, 0, 1]);
  });
});

describe('key frames drawn by hand', () => {
  it('lie on tenths of a second, rise, and hold several feelings', () => {
    const keys = new Keys();
    keys.set(2.04, 'joy', 0.5);
    keys.set(0.31, 'anger', 2);
    keys.set(1.98, 'fear', -1);
    keys.set(2.01, 'joy', 0.754);
    expect(keys.list()).toEqual([{ time: 0.3, anger: 1 }, { time: 2, joy: 0.75, fear: 0 }]);
    keys.clear();
    expect(keys.empty).toBe(true);
  });
});

describe('what the service is asked for', () => {
  const keys = new Keys();
  keys.set(1, 'joy', 1);

  it('is the wish and its strength, with keys unless nothing is to be felt', () => {
    expect(asked('joy', 0.8, new Keys())).toEqual({ emotion: 'joy', emotion_strength: 0.8 });
    expect(asked('auto', 0.6, keys)).toEqual({ emotion: 'auto', emotion_strength: 0.6, emotions: '[{"time":1,"joy":1}]' });
    expect(asked('off', 0.6, keys)).toEqual({ emotion: 'off', emotion_strength: 0.6 });
  });

  it('comes out the same in a live stream, and can change there', () => {
    for (const wish of ['joy', 'off', 'auto'] as const) {
      const { emotion_strength: scale } = askedLive(wish, 0.5);
      const [key] = said('anger', 0.4, scale);
      expect((key.anger ?? 0) * scale).toBeCloseTo(0.4);
      expect(said('auto', 0.4, scale)).toEqual([]);
      expect(said('off', 0.4, scale)).toEqual([{ time: 0 }]);
    }
  });
});
