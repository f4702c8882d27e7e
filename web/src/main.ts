import { Actor } from './actor';
import { asked, isFeeling, Keys, type Wish } from './face/feelings';
import { unpainted } from './scene/loading';
import { Puppet } from './scene/puppet';
import { View } from './scene/view';
import { Service, type Style } from './service/api';
import { Player } from './time/player';
import { Loudspeaker } from './time/voice';
import { Bars } from './ui/bars';
import { FeltStrip } from './ui/felt';
import { find, input, News, onDrop, onHold, saveAs, slider, translate } from './ui/page';
import { Timeline } from './ui/timeline';
import { Life } from './life';
import { Downloads } from './downloads';
import { Problem } from './service/problem';

const say = translate();
const news = new News(find('status'), find('problem'), find<HTMLProgressElement>('progress'));
const loudspeaker = new Loudspeaker();
const player = new Player(loudspeaker.clock);
const service = new Service((...request) => fetch(...request));
const timeline = new Timeline(find<HTMLCanvasElement>('wave'), find('head'), input('scrub'), (at, all) =>
  say('at', { at: at.toFixed(1), all: all.toFixed(1) }));
const bars = new Bars(find('bars'), find<HTMLDetailsElement>('shapes'), ['jawOpen', 'mouthClose', 'mouthPucker'], redraw);
const keys = new Keys();
const actor = new Actor({ say, news, service, player, loudspeaker, timeline, style, wish, changed });
const strip = new FeltStrip(find<HTMLCanvasElement>('felt'), drawKey, keysChanged);
const life = new Life(player, () => actor.scene());
const view = openView();

function openView(): View | null {
  try {
    return new View(find<HTMLCanvasElement>('face'));
  } catch {
    // three.js throws a plain Error where the browser gives no WebGL context.
    news.problem(say('noWebgl'));
    return null;
  }
}

function style(): Style {
  const { wish: picked, strength } = wish();
  return { emotion_level: input('emotion').valueAsNumber, person_id: input('person').valueAsNumber, head: true, ...asked(picked, strength, keys) };
}

function wish(): { wish: Wish; strength: number } {
  return { wish: find<HTMLSelectElement>('feeling').value as Wish, strength: input('strength').valueAsNumber };
}

/** Which feeling a key is of: the one that is picked, joy where none is. */
function drawKey(share: number, height: number): void {
  const { wish: picked } = wish();
  if (!player.seconds) return;
  keys.set(share * player.seconds, isFeeling(picked) ? picked : 'joy', height);
  redraw();
}

function keysChanged(): void {
  find<HTMLButtonElement>('unkey').disabled = keys.empty;
  redraw();
  void actor.again();
}

function redraw(): void {
  timeline.draw(actor.scene().clip, bars.picked);
  strip.draw(actor.felt, keys, player.seconds);
}

/** Something of the performance changed: what can be pressed now, and what the timeline shows. */
function changed(): void {
  find<HTMLButtonElement>('play').disabled = player.seconds === 0;
  find<HTMLFieldSetElement>('save').disabled = !actor.complete;
  redraw();
}

function frame(now: number): void {
  const began = performance.now();
  const { weights, pose, at } = life.at(now / 1000);
  view?.draw(weights, pose);
  bars.show(weights);
  timeline.move(at);
  life.spent(performance.now() - began);
  requestAnimationFrame(frame);
}

/** What need not be said sixty times a second. */
function clockwork(): void {
  const at = player.position();
  find('play').textContent = say(player.playing ? 'pause' : 'play');
  find<HTMLOutputElement>('time').value = `${at.toFixed(2)} / ${player.seconds.toFixed(2)}`;
  timeline.tell(at);
}

function worn(puppet: Puppet, name: string): string {
  return puppet.visemeCount ? say('wearingVisemes', { name, count: puppet.visemeCount }) : say('wearing', { name, count: puppet.shapes });
}

async function wear(bytes: ArrayBuffer, name: string | null): Promise<void> {
  try {
    const puppet = await Puppet.load(bytes);
    if (!puppet) return news.problem(say('noShapes', { name: name ?? '' }));
    view?.wear(puppet);
    find('ours').hidden = name === null;
    if (name) news.say(worn(puppet, name) + (unpainted(bytes) ? ` ${say('unpainted')}` : ''));
  } catch (error) {
    console.warn(error);
    news.problem(say('notHead', { name: name ?? 'head.glb' }));
  }
}

async function wearOurs(): Promise<void> {
  const response = await fetch('head.glb');
  await wear(await response.arrayBuffer(), null);
}

async function take(file: File): Promise<void> {
  news.problem('');
  keys.clear();
  if (/\.(glb|vrm)$/i.test(file.name)) await wear(await file.arrayBuffer(), file.name);
  else await actor.perform(file, file.name);
}

async function sample(): Promise<void> {
  keys.clear();
  const response = await fetch('sample.wav');
  if (!response.ok) throw await Problem.of(response);
  await actor.perform(await response.blob(), say('sampleName'), 'sample');
}

function connect(): void {
  const chosen = (id: string): void => {
    input(id).addEventListener('change', () => {
      const file = input(id).files?.[0];
      if (file) void take(file);
      input(id).value = '';
    });
  };
  chosen('file');
  chosen('other');
  onDrop((file) => void take(file));
  find('sample').addEventListener('click', () => void actor.guard(sample));
  find('ours').addEventListener('click', () => void actor.guard(wearOurs));
  onHold(find('hold'), () => void actor.listen(), () => actor.hush());
  find('play').addEventListener('click', () => void actor.toggle().then(clockwork));
  input('loop').addEventListener('change', () => (player.loop = input('loop').checked));
  input('half').addEventListener('change', () => (player.rate = input('half').checked ? 0.5 : 1));
  input('scrub').addEventListener('input', () => player.seek(input('scrub').valueAsNumber));
  slider('emotion', (value) => say(value ? 'strong' : 'calm'), () => void actor.again(), 'change');
  find('feeling').addEventListener('change', () => void actor.feel());
  slider('strength', percent, () => void actor.feel(), 'change');
  find('key').addEventListener('click', () => {
    if (!player.seconds) return;
    drawKey(player.position() / player.seconds, wish().strength);
    keysChanged();
  });
  find('unkey').addEventListener('click', () => {
    keys.clear();
    keysChanged();
  });
  slider('person', (value) => say('personOf', { value, count: Number(input('person').max) + 1 }), () => void actor.again(), 'change');
  slider('mouth', percent, (value) => (life.gains.mouth = value), 'input');
  slider('brows', percent, (value) => (life.gains.brows = value), 'input');
  // Whoever asked the system for less motion gets a still head to begin with.
  life.idle = input('idle').checked = life.turning = input('turning').checked = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  input('idle').addEventListener('change', () => (life.idle = input('idle').checked));
  input('turning').addEventListener('change', () => (life.turning = input('turning').checked));
  find<HTMLFormElement>('token').addEventListener('submit', (event) => {
    event.preventDefault();
    void actor.useToken(input('token-text').value);
  });
  find('shapes').addEventListener('toggle', redraw);
  addEventListener('resize', redraw);
  addEventListener('keydown', spaceBar);
  const downloads = new Downloads(service, actor, saveAs);
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-format]')) {
    button.addEventListener('click', () => void actor.guard(() => downloads.save(button.dataset.format!)));
  }
}

const percent = (value: number): string => `${Math.round(value * 100)} %`;

/** Plays and pauses wherever the space bar means nothing else. */
function spaceBar(event: KeyboardEvent): void {
  if (event.key !== ' ' || (event.target as HTMLElement).closest('button, input, summary, label')) return;
  event.preventDefault();
  void actor.toggle().then(clockwork);
}

connect();
setInterval(clockwork, 200);
requestAnimationFrame(frame);
// What tests and the curious look at from the console.
Object.assign(window, { emotalk: { player, actor, life, view } });
await wearOurs();
if (!actor.busy && find('problem').textContent === '') news.say(say('ready'));
document.documentElement.dataset.ready = 'yes';
