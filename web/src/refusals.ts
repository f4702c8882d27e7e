import type { Problem } from './service/problem';
import type { Say, Word } from './words';

const WORDS: Record<number, Word> = {
  400: 'refusedRequest', 401: 'refusedToken', 403: 'refusedToken', 404: 'refusedGone', 409: 'refusedConflict', 413: 'refusedLarge',
  422: 'refusedSound', 429: 'refusedBusy', 502: 'refusedFailed', 503: 'refusedBusy', 504: 'refusedLate',
};

/** A refusal in the visitor's language, without the names of the wire; what the page says itself (status 0) stays as it is. */
export function refusal(problem: Problem, say: Say): string {
  const { status, field, message } = problem;
  if (status === 0) return message;
  const sound = field?.startsWith('audio') && status === 400;
  return say(sound ? 'refusedSound' : (WORDS[status] ?? 'refusedFailed'), { why: plain(message) });
}

/** `audio_data: the clip is empty.` → `The clip is empty.` */
function plain(sentence: string): string {
  const text = sentence.replace(/^[a-z_]+(\[\d+\][\w.]*)?: /, '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
