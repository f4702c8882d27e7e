import type { Actor } from './actor';
import type { Format, Service } from './service/api';

/** The animation as the files that animators open, written by the service. */
export class Downloads {
  constructor(private readonly service: Service, private readonly actor: Actor, private readonly keep: (blob: Blob, name: string) => void) {}

  /** Raises Problem. */
  async save(format: string): Promise<void> {
    const current = this.actor.current;
    if (!current) return;
    const { performance, name } = current;
    const id = performance.id ?? (performance.id = await this.actor.hand(performance));
    this.keep(await this.service.download(id, format as Format), `${name}.${format}`);
  }
}
