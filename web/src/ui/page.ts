import { pickLanguage, speaker, type Say, type Word } from '../words';

export const find = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;
export const input = (id: string): HTMLInputElement => find<HTMLInputElement>(id);

/** The page's words in the browser's language. */
export function translate(): Say {
  const language = pickLanguage(navigator.languages);
  const say = speaker(language);
  document.documentElement.lang = language;
  document.title = say('title');
  for (const node of document.querySelectorAll<HTMLElement>('[data-word]')) node.textContent = say(node.dataset.word as Word);
  for (const node of document.querySelectorAll<HTMLElement>('[data-label]')) node.ariaLabel = say(node.dataset.label as Word);
  return say;
}

/** What goes on, in one line, and what went wrong, in one sentence. */
export class News {
  constructor(private readonly status: HTMLElement, private readonly alert: HTMLElement, private readonly bar: HTMLProgressElement) {}

  /** `share` of the work that is done: a number shows a bar, null a bar without end, undefined none. */
  say(sentence: string, share?: number | null): void {
    if (this.status.textContent !== sentence) this.status.textContent = sentence;
    this.bar.hidden = share === undefined;
    if (typeof share === 'number') this.bar.value = share;
    else this.bar.removeAttribute('value');
  }

  problem(sentence: string): void {
    this.alert.textContent = sentence;
    if (sentence) this.say('');
  }
}

/** A slider with its value beside it. */
export function slider(id: string, words: (value: number) => string, changed: (value: number) => void, when: 'input' | 'change'): HTMLInputElement {
  const range = input(id), output = range.parentElement!.querySelector('output')!;
  const show = (): void => {
    output.value = words(range.valueAsNumber);
    range.setAttribute('aria-valuetext', output.value);
  };
  range.addEventListener('input', show);
  range.addEventListener(when, () => changed(range.valueAsNumber));
  show();
  return range;
}

/** Files dropped anywhere on the page. */
export function onDrop(take: (file: File) => void): void {
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('over');
  });
  addEventListener('dragleave', (event) => event.relatedTarget || document.body.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('over');
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}

/** Shorter presses are taps. Milliseconds. */
const TAP = 350;

/** Pressed as long as pointer or key is down; whoever cannot hold it taps once to begin and once to end. */
export function onHold(button: HTMLElement, press: () => void, release: () => void): void {
  let held = false, latched = false, since = 0;
  const down = (event: Event): void => {
    if (held) return;
    [held, since] = [true, event.timeStamp];
    press();
  };
  const up = (event: Event): void => {
    if (!held) return;
    latched = !latched && event.type !== 'blur' && event.timeStamp - since < TAP;
    if (latched) return;
    held = false;
    release();
  };
  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    down(event);
  });
  for (const end of ['pointerup', 'pointercancel', 'blur']) button.addEventListener(end, up);
  button.addEventListener('keydown', (event) => {
    if (event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault();
    if (!event.repeat) down(event);
  });
  button.addEventListener('keyup', (event) => (event.key === ' ' || event.key === 'Enter') && up(event));
  button.addEventListener('contextmenu', (event) => event.preventDefault());
}

export function saveAs(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
