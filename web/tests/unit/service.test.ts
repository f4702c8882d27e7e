import { describe, expect, it } from 'vitest';
import { half, pcm16, readFrames, wav } from '../../src/live/wire';
import { Service, type Chunk, type JobState } from '../../src/service/api';
import { Problem } from '../../src/service/problem';

const STYLE = { emotion_level: 1, person_id: 3, head: true };
const SIGNAL = new AbortController().signal;

/** A service whose answers are given one by one; remembers what it was asked. */
function scripted(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [], pauses: number[] = [];
  const fetch = async (url: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    asked.push({ url: String(url), init });
    const answer = answers.shift() ?? new Error('asked once too often');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, pauses, service: new Service(fetch, async (milliseconds) => void pauses.push(milliseconds)) };
}

const events = (text: string): Response => new Response(text, { headers: { 'Content-Type': 'text/event-stream' } });
const chunk = (id: number, first: number, final = false): string =>
  `event: chunk\nid: ${id}\ndata: ${JSON.stringify({ request_id: 'a', chunk_index: 0, first_frame: first, frames: [], is_final: final })}\n\n`;

function ear() {
  const chunks: Chunk[] = [], states: JobState[] = [];
  return { chunks, states, job: (state: JobState) => void states.push(state), chunk: (one: Chunk) => void chunks.push(one) };
}

describe('the service', () => {
  it('is handed the sound as it is, with its style', async () => {
    const { asked, service } = scripted(Response.json({ request_id: 'a', queue_position: 2 }, { status: 202 }));
    const job = await service.submit(new Blob(['sound'], { type: 'audio/wav' }), STYLE, SIGNAL);
    expect(job.queue_position).toBe(2);
    expect(asked[0].url).toBe('v1/jobs?emotion_level=1&person_id=3&head=true&chunk_duration=5');
    expect(asked[0].init.headers).toEqual({ 'Content-Type': 'audio/wav' });
  });

  it('says in one sentence what is wrong and what to do', async () => {
    const refusal = { status: 422, detail: 'audio_data: not a sound', field: 'audio_data', fix: 'Send WAV, FLAC, OGG or MP3.' };
    const { service } = scripted(Response.json(refusal, { status: 422 }));
    const error = await service.submit(new Blob(['x']), STYLE, SIGNAL).catch((error: Problem) => error);
    expect(error).toBeInstanceOf(Problem);
    expect((error as Problem).message).toBe('audio_data: not a sound. Send WAV, FLAC, OGG or MP3.');
    expect((error as Problem).field).toBe('audio_data');
  });

  it('sends the token that it was given', async () => {
    const { asked, service } = scripted(new Response('x'));
    service.token = 'open';
    await service.download('a b', 'livelink.csv');
    expect(asked[0].url).toBe('v1/jobs/a%20b/animation?format=livelink.csv');
    expect(asked[0].init.headers).toEqual({ Authorization: 'Bearer open' });
  });

  it('tells the queue, each chunk, and the end', async () => {
    const { service } = scripted(events('event: job\ndata: {"request_id":"a","queue_position":4}\n\n' + chunk(9, 0) + chunk(19, 10, true)));
    const heard = ear();
    await service.follow('a', heard, SIGNAL);
    expect(heard.states.map((state) => state.queue_position)).toEqual([4]);
    expect(heard.chunks.map((one) => one.first_frame)).toEqual([0, 10]);
  });

  it('takes a broken line up again after the last frame that it saw, and waits longer each time', async () => {
    const { asked, pauses, service } = scripted(events(chunk(9, 0)), new TypeError('offline'), new TypeError('offline'), events(chunk(19, 10) + 'event: end\ndata: {}\n\n'));
    const heard = ear();
    await service.follow('a', heard, SIGNAL);
    expect(heard.chunks).toHaveLength(2);
    expect((asked[3].init.headers as Record<string, string>)['Last-Event-ID']).toBe('9');
    expect(pauses).toEqual([250, 500, 1000]);
  });

  it('gives up on a line that stays dead, and at once on a job that failed', async () => {
    const dead = scripted(...Array.from({ length: 9 }, () => new TypeError('offline')));
    await expect(dead.service.follow('a', ear(), SIGNAL)).rejects.toThrow('offline');
    expect(dead.asked).toHaveLength(6);
    const failed = scripted(events('event: error\ndata: {"status":500,"detail":"the engine failed","fix":"Try again."}\n\n'));
    await expect(failed.service.follow('a', ear(), SIGNAL)).rejects.toThrow('the engine failed. Try again.');
    expect(failed.asked).toHaveLength(1);
  });
});

describe('the live line', () => {
  it.each([[0x0000, 0], [0x3c00, 1], [0x3800, 0.5], [0xbc00, -1], [0x0001, 2 ** -24], [0x3555, 0.333251953125], [0x7bff, 65504]])('reads half floats: %i', (bits, value) => {
    expect(half(bits)).toBe(value);
  });

  it('reads frames with the number of the first', () => {
    const message = new DataView(new ArrayBuffer(8 + 2 * 104));
    message.setUint32(0, 7, true);
    message.setUint32(4, 2, true);
    message.setUint16(8 + 104, 0x3c00, true);
    const { first, rows } = readFrames(message.buffer);
    expect(first).toBe(7);
    expect(rows.map((row) => row[0])).toEqual([0, 1]);
  });

  it('reads the head behind the frames where there is one', () => {
    const message = new DataView(new ArrayBuffer(8 + 2 * (104 + 6)));
    message.setUint32(4, 2, true);
    message.setUint16(8 + 208 + 6, 0x4500, true);
    message.setUint16(8 + 208 + 10, 0xbc00, true);
    const { rows, head } = readFrames(message.buffer);
    expect(rows).toHaveLength(2);
    expect(head.map((turn) => [...turn])).toEqual([[0, 0, 0], [5, 0, -1]]);
    expect(readFrames(message.buffer.slice(0, 8 + 208)).head).toEqual([]);
  });

  it('refuses a message that is cut off', () => {
    const message = new DataView(new ArrayBuffer(60));
    message.setUint32(4, 1, true);
    expect(() => readFrames(message.buffer)).toThrow('do not fill');
  });

  it('keeps a take as a WAV file, its loudest samples unbroken', async () => {
    const samples = pcm16(Float32Array.of(0, 1, -1, 3));
    expect([...samples]).toEqual([0, 32767, -32767, 32767]);
    const bytes = new DataView(await wav(samples, 48000).arrayBuffer());
    expect([bytes.byteLength, bytes.getUint32(24, true), bytes.getUint32(40, true), bytes.getInt16(46, true)]).toEqual([52, 48000, 8, 32767]);
  });
});
