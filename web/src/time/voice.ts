import type { Voice } from './player';

/** The loudspeaker and its clock. */
export class Loudspeaker {
  private made: AudioContext | null = null;
  private latency = 0;

  /** Made when it is first needed: one that is made before its user has touched the page is born asleep. */
  get context(): AudioContext {
    return (this.made ??= new AudioContext({ latencyHint: 'interactive' }));
  }

  /** Seconds of the sound that is heard now: what was rendered, less what still travels to the ear. */
  readonly clock = (): number => (this.made ? this.made.currentTime - this.latency : 0);

  /** Browsers keep a page silent until its user has touched it. False if it still is. */
  async wake(): Promise<boolean> {
    // Where nobody has touched the page yet, resume() neither ends nor fails.
    await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 300))]);
    return this.context.state === 'running';
  }

  async decode(bytes: ArrayBuffer): Promise<AudioBuffer> {
    return this.context.decodeAudioData(bytes);
  }

  /** `seconds` of nothing, for a sound that the service can decode and this browser cannot. */
  silence(seconds: number): AudioBuffer {
    const { sampleRate } = this.context;
    return new AudioBuffer({ length: Math.max(1, Math.ceil(seconds * sampleRate)), sampleRate });
  }

  voice(buffer: AudioBuffer): Voice {
    let node: AudioBufferSourceNode | null = null;
    return {
      seconds: buffer.duration,
      start: (from, rate, loop) => {
        node = new AudioBufferSourceNode(this.context, { buffer, loop, playbackRate: rate });
        node.connect(this.context.destination);
        // Read once per start: it trembles from reading to reading, and the face would tremble with it.
        this.latency = this.context.outputLatency || this.context.baseLatency || 0;
        const when = this.context.currentTime + 0.02;
        node.start(when, from);
        return when;
      },
      stop: () => {
        node?.stop();
        node?.disconnect();
        node = null;
      },
    };
  }
}
