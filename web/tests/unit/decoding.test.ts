import { expect, test, vi } from 'vitest';
import { Performance } from '../../src/performance';
import type { Service } from '../../src/service/api';
import { mono } from '../../src/service/decoding';
import { Problem } from '../../src/service/problem';

const STYLE = { emotion_level: 1, person_id: 0, head: true };
const RECORDED = new Blob(['webm']), DECODED = new Blob(['wav']);

function service(refusal: Error): { service: Service; sent: Blob[] } {
  const sent: Blob[] = [];
  const submit = vi.fn(async (sound: Blob) => {
    sent.push(sound);
    if (sound === RECORDED) throw refusal;
    return { request_id: 'one' };
  });
  return { service: { submit, follow: async () => {} } as unknown as Service, sent };
}

const run = (one: Performance, at: Service): Promise<void> => one.run(at, STYLE, () => {}, () => {});

test('what the service cannot decode is decoded by the browser and sent again', async () => {
  const { service: at, sent } = service(new Problem(422, 'audio_data: WebM, which PyAV reads, and PyAV is not installed here.'));
  await run(new Performance('a recording', RECORDED, async () => DECODED), at);
  expect(sent).toEqual([RECORDED, DECODED]);
});

test('a file that is damaged is refused: the browser would hear half of it in silence', async () => {
  const refusal = new Problem(422, 'audio_data: the WAV is cut.');
  const { service: at, sent } = service(refusal);
  await expect(run(new Performance('half', RECORDED, async () => DECODED), at)).rejects.toBe(refusal);
  expect(sent).toEqual([RECORDED]);
});

test('what neither can decode is refused as the service said', async () => {
  const refusal = new Problem(422, 'audio_data: PyAV is not installed here.');
  const { service: at } = service(refusal);
  await expect(run(new Performance('unknown', RECORDED, async () => null), at)).rejects.toBe(refusal);
});

test('all channels are heard', () => {
  const channels = [new Float32Array([1, 0]), new Float32Array([0, -1])];
  const buffer = { length: 2, numberOfChannels: 2, getChannelData: (channel: number) => channels[channel]! as Float32Array<ArrayBuffer> };
  expect([...mono(buffer)]).toEqual([0.5, -0.5]);
});
