import { FEELINGS, type Felt, type Feeling, type Keys } from '../face/feelings';

const COLOURS: Record<Feeling, string> = {
  amazement: '#f5d76e', anger: '#ff6a5a', cheekiness: '#f0a35a', disgust: '#8fbf5a', fear: '#b48ef0',
  grief: '#5a7fd0', joy: '#ffd23f', outofbreath: '#9fd8d8', pain: '#d05a8f', sadness: '#6aa5ff',
};
const GREY = '#8a93a655';

/** The strip under the waveform: how stirred the voice is in grey, what is drawn in colours, keys as dots. Keys are drawn with the pointer. */
export class FeltStrip {
  private readonly pen: CanvasRenderingContext2D;

  /** `drawn`: somebody drew at `share` of the sound, so high; `done`: and let go. */
  constructor(private readonly canvas: HTMLCanvasElement, drawn: (share: number, height: number) => void, done: () => void) {
    this.pen = canvas.getContext('2d')!;
    let down = false;
    const at = (event: PointerEvent): void => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      drawn(Math.min(1, Math.max(0, (event.clientX - left) / width)), 1 - (event.clientY - top) / height);
    };
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      down = true;
      at(event);
    });
    canvas.addEventListener('pointermove', (event) => down && at(event));
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => {
      if (down) done();
      down = false;
    });
  }

  draw(felt: Felt | null, keys: Keys, seconds: number): void {
    const { canvas, pen } = this, scale = Math.min(devicePixelRatio, 2);
    const width = (canvas.width = canvas.clientWidth * scale), height = (canvas.height = canvas.clientHeight * scale);
    if (!seconds) return;
    const x = (time: number): number => (time / seconds) * width, y = (value: number): number => height - 2 - value * (height - 4);
    pen.fillStyle = GREY;
    felt?.activation.forEach((value, step) => pen.fillRect(x(step / 10), y(value), Math.ceil(width / seconds / 10), height - y(value)));
    pen.lineWidth = 1.5 * scale;
    for (const feeling of FEELINGS) if (felt) this.drawCurve(felt.curve(feeling), COLOURS[feeling], x, y);
    for (const { time, ...strengths } of keys.list()) {
      for (const [feeling, value] of Object.entries(strengths)) {
        pen.fillStyle = COLOURS[feeling as Feeling];
        pen.fillRect(x(time) - 2 * scale, y(value) - 2 * scale, 4 * scale, 4 * scale);
      }
    }
  }

  private drawCurve(values: number[], colour: string, x: (time: number) => number, y: (value: number) => number): void {
    if (!values.some((value) => value > 0.005)) return;
    this.pen.strokeStyle = colour;
    this.pen.beginPath();
    values.forEach((value, step) => this.pen.lineTo(x(step / 10), y(value)));
    this.pen.stroke();
  }
}
