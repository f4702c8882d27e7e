import { describe, expect, it } from 'vitest';
import { refusal } from '../../src/refusals';
import { Problem } from '../../src/service/problem';
import { LANGUAGES, speaker } from '../../src/words';
import { COLOURS } from '../../src/ui/bars';

const english = speaker('en'), vietnamese = speaker('vi');
const EMPTY = Problem.from(422, { detail: 'audio_data: there are no samples.', field: 'audio_data' });

describe('a refusal of the service', () => {
  it('has no names of the wire', () => {
    expect(refusal(EMPTY, english)).toBe('There are no samples.');
    expect(refusal(Problem.from(400, { detail: 'emotions[2].weight: 3 is out of range.' }), english)).not.toMatch(/_|\[/);
  });

  it.each([400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504])('is Vietnamese on the Vietnamese page: %i', (status) => {
    const said = refusal(Problem.from(status, { detail: 'audio_data: this is English.', field: 'audio_data' }), vietnamese);
    expect(said).not.toContain('English');
    expect(said).toMatch(/[ạảấầẩậắằặẹẻếềểệỉịọỏốồổộớờởợụủứừửữự]/);
  });

  it('says what the page says as it stands', () => {
    expect(refusal(new Problem(0, 'micrô'), vietnamese)).toBe('micrô');
  });
});

describe('words', () => {
  it('are the same in both languages, with the same gaps', () => {
    const gaps = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join();
    for (const [word, text] of Object.entries(LANGUAGES.en)) {
      if (!word.startsWith('refused')) expect(gaps(LANGUAGES.vi[word as keyof typeof LANGUAGES.en]), word).toBe(gaps(text));
    }
    expect(english('personOf', { value: 0, count: 24 })).toBe('0 of 24');
  });
});

describe('the colours of picked curves', () => {
  it('are far from each other', () => {
    const parts = COLOURS.map((colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
    for (const [at, one] of parts.entries()) {
      for (const other of parts.slice(at + 1)) expect(Math.hypot(...one.map((value, part) => value - other[part]))).toBeGreaterThan(60);
    }
  });
});
