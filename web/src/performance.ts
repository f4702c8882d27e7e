import { Clip } from './face/clip';
import { Felt } from './face/feelings';
import type { Chunk, JobState, Service, Style } from './service/api';
import { asWav } from './service/decoding';
import { Problem } from './service/problem';

/** A service without PyAV names it in its refusal of what phones and browsers record. */
const NOT_INSTALLED = 'PyAV';

/** One sound being turned into a face. */
export class Performance {
  clip = new Clip();
  readonly felt = new Felt();
  /** The job's id, once the service has it. */
  id: string | null = null;
  /** What the service last said of it. */
  state: JobState | null = null;
  /** How many frames there will be, once somebody knows. */
  total: number | null = null;
  private readonly stop = new AbortController();

  constructor(readonly name: string, readonly sound: Blob, private readonly decode: typeof asWav = asWav) {}

  get stopped(): boolean {
    return this.stop.signal.aborted;
  }

  /** Hands the sound in and fills the clip until the last frame. `news` hears of the queue, `more` of each chunk. Raises Problem. */
  async run(service: Service, style: Style, news: (state: JobState) => void, more: () => void): Promise<void> {
    const { signal } = this.stop;
    const job = await this.submit(service, style, signal);
    this.id = job.request_id;
    news(job);
    const chunk = ({ first_frame, frames, head, feeling }: Chunk): void => {
      this.clip.put(first_frame, frames, head);
      if (feeling) this.felt.put(feeling);
      more();
    };
    await service.follow(job.request_id, { job: news, chunk }, signal);
    this.clip.complete = true;
    more();
  }

  /** As the file is; decoded by this browser where the service cannot. */
  private async submit(service: Service, style: Style, signal: AbortSignal): Promise<JobState> {
    try {
      return await service.submit(this.sound, style, signal);
    } catch (refusal) {
      const decoded = refusal instanceof Problem && refusal.message.includes(NOT_INSTALLED) ? await this.decode(this.sound) : null;
      if (!decoded) throw refusal;
      return service.submit(decoded, style, signal);
    }
  }

  /** Gives up: something else is wanted. The service need not go on either. */
  leave(service: Service): void {
    this.stop.abort();
    if (this.id && !this.clip.complete) service.cancel(this.id).catch(() => {});
  }
}
