import { Clip } from '../face/clip';
import type { Key } from '../face/feelings';
import type { Style } from '../service/api';
import { Problem } from '../service/problem';
import { pcm16, readFrames, wav } from './wire';

/** One press of the microphone button: the voice goes up as it is spoken, the face comes down as early as the engine can. */
export class Take {
  readonly clip = new Clip();
  private readonly parts: Int16Array<ArrayBuffer>[] = [];
  private readonly socket: WebSocket;
  private started = false;
  private keys: Key[] = [];
  private release: () => void = () => {};
  /** Ends when the last frame is there. Fails with Problem. */
  readonly finished: Promise<void>;

  constructor(address: string, private readonly rate: number, style: Style) {
    this.socket = new WebSocket(address);
    this.socket.binaryType = 'arraybuffer';
    this.finished = new Promise((done, fail) => {
      this.socket.onmessage = ({ data }) => {
        try {
          if (this.receive(data)) done();
        } catch (error) {
          fail(error as Error);
        }
      };
      // TypeError is what fetch says, too, when nobody answers.
      this.socket.onclose = ({ code, reason }) => fail(this.started ? new Problem(code, reason || `stream: closed (${code})`) : new TypeError('no answer'));
    });
    this.finished.finally(() => this.close()).catch(() => {});
    this.socket.onopen = () => {
      const start = { type: 'start', sample_rate: rate, encoding: 'pcm16', format: 'binary', post_processing: true, ...style };
      this.socket.send(JSON.stringify(start));
      this.started = true;
      if (this.keys.length) this.sayKeys();
      this.parts.forEach((part) => this.socket.send(part));
    };
  }

  /** Takes samples in -1..1 from the microphone. */
  hear(samples: Float32Array): void {
    const part = pcm16(samples);
    this.parts.push(part);
    if (this.started && this.socket.readyState === WebSocket.OPEN) this.socket.send(part);
  }

  /** From the next sound on this is felt, instead of all that was said; nothing: as it is heard. */
  feel(keys: Key[]): void {
    this.keys = keys;
    if (this.started && this.socket.readyState === WebSocket.OPEN) this.sayKeys();
  }

  /** The button is let go: what was said so far is all. */
  end(): void {
    this.release();
    const last = (): void => this.socket.send(JSON.stringify({ type: 'end' }));
    if (this.started) last();
    else this.socket.addEventListener('open', last);
  }

  /** What was said, as a file. */
  sound(): Blob {
    const all = new Int16Array(this.parts.reduce((sum, part) => sum + part.length, 0));
    this.parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return wav(all, this.rate);
  }

  /** Called once, when nothing more is wanted of the microphone. */
  onRelease(release: () => void): void {
    this.release = release;
  }

  close(): void {
    this.release();
    this.socket.onclose = null;
    this.socket.close();
  }

  private sayKeys(): void {
    this.socket.send(JSON.stringify({ type: 'emotions', emotions: this.keys }));
  }

  private receive(data: string | ArrayBuffer): boolean {
    if (typeof data !== 'string') {
      const { first, rows, head } = readFrames(data);
      this.clip.put(first, rows, head);
      return false;
    }
    const message = JSON.parse(data);
    if (message.type === 'error') throw Problem.from(message.problem?.status ?? 0, message.problem);
    if (message.type === 'frames') this.clip.put(message.first_frame, message.frames, message.head);
    if (message.type === 'end') this.clip.complete = true;
    return message.type === 'end';
  }
}
