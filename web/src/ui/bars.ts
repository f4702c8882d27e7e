import { NAMES } from '../face/names';

/** A colour per shape that stays its own, far from its neighbours'. */
export const colour = (shape: number): string => `hsl(${(shape * 137.5) % 360} 75% 66%)`;

/** 52 live bars; ticking one picks its curve. */
export class Bars {
  private readonly fills: HTMLElement[];
  private readonly shown = new Float32Array(NAMES.length).fill(-1);
  /** The columns whose curves are picked. */
  readonly picked = new Set<number>();

  constructor(list: HTMLElement, private readonly holder: HTMLDetailsElement, picked: readonly string[], changed: () => void) {
    this.fills = NAMES.map((name, shape) => {
      const row = document.createElement('li'), label = document.createElement('label'), tick = document.createElement('input');
      const word = document.createElement('span'), bar = document.createElement('span'), fill = document.createElement('i');
      tick.type = 'checkbox';
      tick.checked = picked.includes(name);
      if (tick.checked) this.picked.add(shape);
      tick.onchange = () => {
        if (tick.checked) this.picked.add(shape);
        else this.picked.delete(shape);
        changed();
      };
      word.textContent = name;
      bar.className = 'bar';
      bar.ariaHidden = 'true';
      fill.style.setProperty('--colour', colour(shape));
      bar.append(fill);
      label.append(tick, word, bar);
      row.append(label);
      list.append(row);
      return fill;
    });
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
