import { NAMES } from '../face/names';

/** Colours that people with any kind of colour vision tell apart, after Okabe and Ito; a tick takes the first free one. */
export const COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#ffffff', '#8c7bff'];
const PLAIN = '#7f8899';

/** 52 live bars; ticking one picks its curve. */
export class Bars {
  private readonly fills: HTMLElement[];
  private readonly shown = new Float32Array(NAMES.length).fill(-1);
  /** The columns whose curves are picked, each with its colour. */
  readonly picked = new Map<number, string>();

  constructor(list: HTMLElement, private readonly holder: HTMLDetailsElement, picked: readonly string[], changed: () => void) {
    this.fills = NAMES.map((name, shape) => {
      const row = document.createElement('li'), label = document.createElement('label'), tick = document.createElement('input');
      const word = document.createElement('span'), bar = document.createElement('span'), fill = document.createElement('i');
      tick.type = 'checkbox';
      tick.checked = picked.includes(name);
      const paint = (): void => {
        if (tick.checked) this.picked.set(shape, this.free());
        else this.picked.delete(shape);
        fill.style.setProperty('--colour', this.picked.get(shape) ?? PLAIN);
      };
      paint();
      tick.onchange = () => (paint(), changed());
      word.textContent = name;
      bar.className = 'bar';
      bar.ariaHidden = 'true';
      bar.append(fill);
      label.append(tick, word, bar);
      row.append(label);
      list.append(row);
      return fill;
    });
  }

  /** The colour that fewest of the picked have, the first of them. */
  private free(): string {
    const used = COLOURS.map((colour) => [...this.picked.values()].filter((each) => each === colour).length);
    return COLOURS[used.indexOf(Math.min(...used))];
  }

  /** Bars that nobody sees, and values that did not change by a pixel, cost nothing. */
  show(weights: Float32Array): void {
    if (!this.holder.open) return;
    for (let shape = 0; shape < this.fills.length; shape++) {
      if (Math.abs(weights[shape] - this.shown[shape]) < 0.005) continue;
      this.shown[shape] = weights[shape];
      this.fills[shape].style.transform = `scaleX(${weights[shape].toFixed(3)})`;
    }
  }
}
