/** What a face can show, by the service's names and in their order. */
export const FEELINGS = ['amazement', 'anger', 'cheekiness', 'disgust', 'fear', 'grief', 'joy', 'outofbreath', 'pain', 'sadness'] as const;
export type Feeling = (typeof FEELINGS)[number];
/** What the visitor picks: what the voice says, nothing, or one feeling. */
export type Wish = 'auto' | 'off' | Feeling;

/** Steps of what was felt, ten a second, as the service says them back. */
export interface FeltSteps { first_step: number; activation: number[]; drawn: number[][] }
/** A key frame as the service takes it: seconds, and a strength for each feeling that is named. */
export type Key = { time: number } & Partial<Record<Feeling, number>>;

const STEPS = 10;

export const isFeeling = (wish: string): wish is Feeling => (FEELINGS as readonly string[]).includes(wish);

/** What was heard and drawn over one sound, as it comes in. */
export class Felt {
  readonly activation: number[] = [];
  readonly drawn: number[][] = [];

  /** Takes the steps from `first_step` on; what is already there is skipped, and steps that nobody told are calm. */
  put({ first_step, activation, drawn }: FeltSteps): void {
    while (this.activation.length < first_step) this.append(0, FEELINGS.map(() => 0));
    for (let at = this.activation.length - first_step; at < activation.length; at++) this.append(activation[at], drawn[at]);
  }

  /** The strengths of one feeling at each step. */
  curve(feeling: Feeling): number[] {
    const column = FEELINGS.indexOf(feeling);
    return this.drawn.map((row) => row[column]);
  }

  private append(activation: number, drawn: number[]): void {
    this.activation.push(activation);
    this.drawn.push(drawn);
  }
}

/** Key frames that are drawn by hand: one every tenth of a second at most, in their order. */
export class Keys {
  private readonly steps = new Map<number, Partial<Record<Feeling, number>>>();

  get empty(): boolean {
    return this.steps.size === 0;
  }

  /** At `seconds` this feeling is as strong as that; what other feelings were there stays. */
  set(seconds: number, feeling: Feeling, strength: number): void {
    const step = Math.max(0, Math.round(seconds * STEPS)), held = Math.min(1, Math.max(0, strength));
    this.steps.set(step, { ...this.steps.get(step), [feeling]: Math.round(held * 100) / 100 });
  }

  clear(): void {
    this.steps.clear();
  }

  list(): Key[] {
    return [...this.steps].sort(([a], [b]) => a - b).map(([step, strengths]) => ({ time: step / STEPS, ...strengths }));
  }
}

export interface Asked { emotion: string; emotion_strength: number; emotions?: string }

/** How a wish, a strength and keys are said to the service for a whole sound. Keys go over a feeling that is picked. */
export function asked(wish: Wish, strength: number, keys: Keys): Asked {
  const emotions = wish === 'off' || keys.empty ? {} : { emotions: JSON.stringify(keys.list()) };
  return { emotion: wish, emotion_strength: strength, ...emotions };
}

/** A live stream always listens: what is picked is said as key frames, and can be said anew while somebody speaks. */
export function askedLive(wish: Wish, strength: number): Asked {
  return { emotion: 'auto', emotion_strength: wish === 'auto' ? strength : 1 };
}

/** The key frames of a live stream that began at full strength `scale`; none: as it is heard. */
export function said(wish: Wish, strength: number, scale: number): Key[] {
  if (wish === 'auto') return [];
  return [isFeeling(wish) ? { time: 0, [wish]: Math.min(1, strength / (scale || 1)) } : { time: 0 }];
}
