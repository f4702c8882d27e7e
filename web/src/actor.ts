import { FPS } from './face/names';
import { Take } from './live/take';
import { openMicrophone } from './live/microphone';
import { askedLive, said, type Felt, type Wish } from './face/feelings';
import type { Scene } from './life';
import { Performance } from './performance';
import type { Service, Style } from './service/api';
import { refusal } from './refusals';
import { Problem } from './service/problem';
import type { Player } from './time/player';
import type { Loudspeaker } from './time/voice';
import type { News } from './ui/page';
import { find } from './ui/page';
import type { Timeline } from './ui/timeline';
import type { Say, Word } from './words';

interface Parts {
  say: Say; news: News; service: Service; player: Player; loudspeaker: Loudspeaker; timeline: Timeline;
  style: () => Style; wish: () => { wish: Wish; strength: number }; changed: () => void;
}

/** Speaks files and microphone takes: from the sound over the service to a clip that the player can play. */
export class Actor {
  private now: Performance | null = null;
  private take: Take | null = null;
  private retry: (() => Promise<void>) | null = null;
  private saveName = 'face';
  /** The strength that the live stream began with. */
  private scale = 1;

  constructor(private readonly parts: Parts) {}

  scene(): Scene {
    return { clip: this.take?.clip ?? this.now?.clip ?? null, live: this.take !== null };
  }

  get felt(): Felt | null {
    return this.now?.felt ?? null;
  }

  /** The visitor wants another feeling: at once where somebody speaks, else for the same sound once more. */
  async feel(): Promise<void> {
    const { wish, strength } = this.parts.wish();
    if (this.take) this.take.feel(said(wish, strength, this.scale));
    else await this.again();
  }

  get busy(): boolean {
    return this.take !== null || (this.now !== null && !this.now.clip.complete);
  }

  get complete(): boolean {
    return this.now?.clip.complete ?? false;
  }

  /** What a download is of: the job, where there is one, and the name without suffix. */
  get current(): { performance: Performance; name: string } | null {
    return this.now && { performance: this.now, name: this.saveName };
  }

  /** Sends `sound` and speaks it from its first chunk on. */
  async perform(sound: Blob, name: string, saveName = name.replace(/\.\w+$/, ''), from = 0): Promise<void> {
    const { say, news, loudspeaker, service } = this.parts;
    await this.guard(async () => {
      this.leave();
      if (sound.size === 0) throw new Problem(0, say('empty', { name }));
      const performance = (this.now = new Performance(name, sound));
      this.saveName = saveName;
      news.say(say('sending', { name }), null);
      const awake = loudspeaker.wake();
      const decoded = sound.arrayBuffer().then((bytes) => loudspeaker.decode(bytes)).catch(() => null);
      let buffer: AudioBuffer | null | undefined;
      const more = (): void => {
        if (performance.stopped || buffer === undefined) return;
        if (performance.clip.count && this.parts.player.seconds === 0) void this.begin(performance, buffer, awake, from);
        this.report(performance);
        this.parts.changed();
      };
      const loaded = decoded.then((value) => {
        buffer = value;
        performance.total ??= value && Math.ceil(value.duration * FPS);
        more();
      });
      await performance.run(service, this.parts.style(), (state) => this.report(performance, state), more);
      await loaded;
    });
  }

  /** The same sound in another style. */
  async again(): Promise<void> {
    const { now, saveName } = this;
    if (now) await this.perform(now.sound, now.name, saveName, this.parts.player.position());
  }

  async toggle(): Promise<void> {
    const { player, loudspeaker } = this.parts;
    if (player.playing) return player.pause();
    await loudspeaker.wake();
    player.play();
  }

  /** Opens the microphone and speaks what is said into it while it is said. */
  async listen(): Promise<void> {
    const { say, news, loudspeaker, service, style, changed } = this.parts;
    await this.guard(async () => {
      this.leave();
      await loudspeaker.wake();
      const address = new URL('v1/stream', location.href);
      address.protocol = address.protocol.replace('http', 'ws');
      if (service.token) address.searchParams.set('token', service.token);
      const { wish, strength } = this.parts.wish(), { emotions: _, ...plain } = style(), live = askedLive(wish, strength);
      const take = (this.take = new Take(address.href, loudspeaker.context.sampleRate, { ...plain, ...live }));
      this.scale = live.emotion_strength;
      take.feel(said(wish, strength, this.scale));
      find('hold').ariaPressed = 'true';
      news.say(say('listening'), null);
      try {
        const close = await openMicrophone(loudspeaker.context, (samples) => take.hear(samples)).catch(refused(say));
        take.onRelease(close);
        if (this.take !== take) return close();
        await take.finished;
        await this.keep(take);
      } finally {
        find('hold').ariaPressed = 'false';
        take.close();
        if (this.take === take) this.take = null;
        changed();
      }
    });
  }

  /** The button was let go. */
  hush(): void {
    find('hold').ariaPressed = 'false';
    this.take?.end();
  }

  /** A take was live, so the service keeps nothing of it: for a file it is sent once more, as a job. Returns the job's id. */
  async hand(performance: Performance): Promise<string> {
    const again = new Performance(performance.name, performance.sound);
    await again.run(this.parts.service, this.parts.style(), () => {}, () => {});
    return again.id!;
  }

  async useToken(token: string): Promise<void> {
    this.parts.service.token = token;
    find('token').hidden = true;
    await this.retry?.();
  }

  /** Runs `deed` and says what went wrong in one sentence. */
  async guard(deed: () => Promise<void>): Promise<void> {
    this.parts.news.problem('');
    try {
      await deed();
    } catch (error) {
      if ((error as Error).name === 'AbortError') return;
      if (error instanceof Problem && error.status === 401) this.askToken(deed);
      this.parts.news.problem(this.sentence(error));
    }
  }

  private askToken(deed: () => Promise<void>): void {
    this.retry = () => this.guard(deed);
    find('token').hidden = false;
    find('token-text').focus();
  }

  private sentence(error: unknown): string {
    // fetch says TypeError when nobody answers, and nothing more.
    if (error instanceof TypeError) return this.parts.say('noService');
    return error instanceof Problem ? refusal(error, this.parts.say) : (error as Error).message;
  }

  private leave(): void {
    const { player, timeline, service, changed } = this.parts;
    this.now?.leave(service);
    this.take?.close();
    this.now = this.take = null;
    player.load(null, () => 0);
    timeline.load(null, 0);
    changed();
  }

  /** A take becomes a clip like any other: to be heard again, scrubbed and saved. */
  private async keep(take: Take): Promise<void> {
    const { say, news, loudspeaker } = this.parts;
    if (take.clip.count === 0) return news.say(say('ready'));
    const kept = new Performance(say('microphone'), take.sound());
    kept.clip = take.clip;
    [this.now, this.take, this.saveName] = [kept, null, 'take'];
    this.load(kept, await loudspeaker.decode(await kept.sound.arrayBuffer()));
    news.say(say('done', { name: kept.name, total: kept.clip.count }));
  }

  private async begin(performance: Performance, buffer: AudioBuffer | null, awake: Promise<boolean>, from: number): Promise<void> {
    const { say, news, loudspeaker, player } = this.parts;
    if (buffer === null && !performance.clip.complete) return;
    this.load(performance, buffer ?? loudspeaker.silence(performance.clip.seconds));
    player.seek(from);
    if (buffer === null) news.problem(say('noSound', { name: performance.name }));
    if (await awake) player.play();
    else news.say(say('tap', { name: performance.name }));
  }

  private load(performance: Performance, buffer: AudioBuffer): void {
    const { player, timeline, loudspeaker, changed } = this.parts;
    const { clip } = performance;
    player.load(loudspeaker.voice(buffer), () => (clip.complete ? Infinity : clip.seconds));
    timeline.load(buffer, buffer.duration);
    changed();
  }

  private report(performance: Performance, state = performance.state): void {
    if (performance.stopped) return;
    performance.state = state;
    performance.total = state?.frames_total ?? performance.total;
    const [word, values, share] = progress(performance);
    this.parts.news.say(this.parts.say(word, values), share);
  }
}

const refused = (say: Say) => (error: Error): never => {
  throw new Problem(0, say('noMicrophone', { why: error.message }));
};

/** How it stands, as words and as the share that is done. */
function progress({ name, clip, total, state }: Performance): [Word, Record<string, string | number>, (number | null)?] {
  if (clip.complete) return ['done', { name, total: clip.count }];
  const done = Math.max(clip.count, state?.frames_done ?? 0);
  if (done && total) return ['progress', { name, done, total }, done / total];
  if (done) return ['frames', { name, done }, null];
  if (state?.queue_position) return ['queued', { name, position: state.queue_position }, null];
  return ['working', { name }, null];
}
