import type { Clip } from '../face/clip';
import { FPS, NAMES } from '../face/names';

/** Waveform below, picked curves above, a line where we are. The range over it makes it a slider for keyboard and screen reader. */
export class Timeline {
  private readonly pen: CanvasRenderingContext2D;
  private peaks: Float32Array = new Float32Array(0);
  private seconds = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement, private readonly line: HTMLElement, private readonly scrub: HTMLInputElement,
    private readonly spoken: (at: number, all: number) => string,
  ) {
    this.pen = canvas.getContext('2d')!;
  }

  /** A new sound of `seconds`; null while only its frames are known. */
  load(sound: AudioBuffer | null, seconds: number): void {
    this.seconds = seconds;
    this.peaks = sound ? peaksOf(sound.getChannelData(0), 900) : new Float32Array(0);
    this.scrub.max = String(seconds);
    this.scrub.disabled = seconds === 0;
  }

  /** Whatever does not move with time; call it when frames, picks or size change. */
  draw(clip: Clip | null, picked: ReadonlyMap<number, string>): void {
    const { canvas, pen } = this, scale = Math.min(devicePixelRatio, 2);
    const width = (canvas.width = canvas.clientWidth * scale), height = (canvas.height = canvas.clientHeight * scale);
    this.drawPeaks(width, height);
    if (!clip || !this.seconds) return;
    pen.fillStyle = '#f0987c26';
    pen.fillRect(0, height - 3 * scale, width * Math.min(1, clip.seconds / this.seconds), 3 * scale);
    pen.lineWidth = 1.5 * scale;
    for (const [shape, colour] of picked) this.drawCurve(clip.curve(shape), colour, width, height);
    this.drawNames(picked, scale);
  }

  move(at: number): void {
    const share = this.seconds ? at / this.seconds : 0;
    this.line.style.transform = `translateX(${(share * this.canvas.clientWidth).toFixed(1)}px)`;
  }

  /** What a screen reader hears; not sixty times a second. */
  tell(at: number): void {
    this.scrub.value = String(at);
    this.scrub.setAttribute('aria-valuetext', this.spoken(at, this.seconds));
  }

  private drawPeaks(width: number, height: number): void {
    this.pen.fillStyle = '#59617380';
    const step = width / Math.max(1, this.peaks.length);
    this.peaks.forEach((peak, at) => {
      const tall = Math.max(1, peak * height * 0.86);
      this.pen.fillRect(at * step, (height - tall) / 2, Math.max(1, step * 0.7), tall);
    });
  }

  private drawCurve(values: Float32Array, colour: string, width: number, height: number): void {
    this.pen.strokeStyle = colour;
    this.pen.beginPath();
    const dense = Math.max(1, Math.floor(values.length / (2 * width)));
    for (let frame = 0; frame < values.length; frame += dense) {
      this.pen.lineTo((frame / FPS / this.seconds) * width, height - 4 - values[frame] * (height - 10));
    }
    this.pen.stroke();
  }

  private drawNames(picked: ReadonlyMap<number, string>, scale: number): void {
    this.pen.font = `${11 * scale}px system-ui, sans-serif`;
    let left = 8 * scale;
    for (const [shape, colour] of picked) {
      this.pen.fillStyle = colour;
      this.pen.fillText(NAMES[shape], left, 14 * scale);
      left += this.pen.measureText(NAMES[shape]).width + 12 * scale;
    }
  }
}

function peaksOf(samples: Float32Array, count: number): Float32Array {
  const peaks = new Float32Array(count), each = samples.length / count;
  for (let at = 0; at < count; at++) {
    const end = Math.min(samples.length, Math.ceil((at + 1) * each));
    for (let sample = Math.floor(at * each); sample < end; sample++) peaks[at] = Math.max(peaks[at], Math.abs(samples[sample]));
  }
  const loudest = Math.max(1e-4, ...peaks);
  return peaks.map((peak) => peak / loudest);
}
