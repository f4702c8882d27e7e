import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Asked, FeltSteps } from '../face/feelings';
import { Problem } from './problem';

export interface Style extends Partial<Asked> { emotion_level: number; person_id: number; head: boolean }

/** What the service says of a job; more fields may come. */
export interface JobState {
  request_id: string;
  state?: string;
  queue_position?: number | null;
  frames_done?: number;
  frames_total?: number | null;
}

export interface Chunk { request_id: string; chunk_index: number; first_frame: number; frames: number[][]; head?: number[][]; feeling?: FeltSteps; is_final: boolean }

export interface Listener {
  job(state: JobState): void;
  chunk(chunk: Chunk): void;
}

export type Format = 'npy' | 'csv' | 'json' | 'livelink.csv' | 'glb';
type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>;

const RETRIES = 5;
/** Seconds of a chunk: the face begins with the first one. */
const CHUNK_SECONDS = 5;

/** The gateway's HTTP side. `fetch` and the pauses between attempts are given, so that tests need no network and no waiting. */
export class Service {
  /** Asked for by services that have one. */
  token = '';

  constructor(private readonly fetch: typeof globalThis.fetch, private readonly pause: Pause = sleep) {}

  /** Hands the sound in; it is durable once this returns. Raises Problem. */
  async submit(sound: Blob, style: Style, signal: AbortSignal): Promise<JobState> {
    const query = new URLSearchParams(Object.entries({ ...style, chunk_duration: CHUNK_SECONDS }).map(([name, value]) => [name, String(value)]));
    const headers = this.headers({ 'Content-Type': sound.type || 'application/octet-stream' });
    const response = await this.fetch(`v1/jobs?${query}`, { method: 'POST', body: sound, headers, signal });
    if (!response.ok) throw await Problem.of(response);
    return (await response.json()) as JobState;
  }

  /** Tells `listener` all that happens until the last frame; a broken line is taken up again after the last frame seen. Raises Problem. */
  async follow(id: string, listener: Listener, signal: AbortSignal): Promise<void> {
    let last = '';
    for (let attempt = 0; ; attempt++) {
      try {
        const before = last;
        const ended = await this.listen(id, last, (seen) => (last = seen), listener, signal);
        if (ended) return;
        if (last !== before) attempt = 0;
      } catch (error) {
        if (signal.aborted || (error instanceof Problem && error.status !== 503)) throw error;
        if (attempt >= RETRIES) throw error;
      }
      if (attempt >= RETRIES) throw new TypeError('the line to the service broke off');
      await this.pause(Math.min(8000, 250 * 2 ** attempt), signal);
    }
  }

  /** Gives the job up: nobody waits for it any more. */
  async cancel(id: string): Promise<void> {
    await this.fetch(`v1/jobs/${encodeURIComponent(id)}`, { method: 'DELETE', headers: this.headers({}) });
  }

  /** The finished animation as a file. Raises Problem. */
  async download(id: string, format: Format, signal?: AbortSignal): Promise<Blob> {
    const query = new URLSearchParams({ format });
    const response = await this.fetch(`v1/jobs/${encodeURIComponent(id)}/animation?${query}`, { headers: this.headers({}), signal });
    if (!response.ok) throw await Problem.of(response);
    return response.blob();
  }

  /** Whether the stream came to its end, and not merely to a break. */
  private async listen(id: string, last: string, seen: (id: string) => void, listener: Listener, signal: AbortSignal): Promise<boolean> {
    const headers = this.headers({ Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) });
    const response = await this.fetch(`v1/jobs/${encodeURIComponent(id)}/events`, { headers, signal });
    if (!response.ok) throw await Problem.of(response);
    let ended = false;
    const parser = createParser({
      onEvent: (event) => {
        ended = tell(event, listener) || ended;
        if (event.id) seen(event.id);
      },
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
    return ended;
  }

  private headers(headers: Record<string, string>): Record<string, string> {
    return this.token ? { ...headers, Authorization: `Bearer ${this.token}` } : headers;
  }
}

/** Whether this was the last event. */
function tell({ event, data }: EventSourceMessage, listener: Listener): boolean {
  const body = JSON.parse(data || 'null');
  if (event === 'error') throw Problem.from(body?.status ?? 0, body);
  if (event === 'job' || event === 'accepted') listener.job(body);
  if (event === 'chunk') listener.chunk(body);
  return event === 'end' || (event === 'chunk' && body.is_final);
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), fail(signal.reason)), { once: true });
  });
}
