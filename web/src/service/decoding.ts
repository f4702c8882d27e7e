import { pcm16, wav } from '../live/wire';

const RATE = 48_000;

/** What this browser hears in a file, as a mono WAV; null where it hears nothing. */
export async function asWav(sound: Blob): Promise<Blob | null> {
  try {
    const heard = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await sound.arrayBuffer());
    return wav(pcm16(mono(heard)), heard.sampleRate);
  } catch {
    return null;
  }
}

/** The mean of all channels. */
export function mono(heard: Pick<AudioBuffer, 'length' | 'numberOfChannels' | 'getChannelData'>): Float32Array {
  const mixed = new Float32Array(heard.length);
  for (let channel = 0; channel < heard.numberOfChannels; channel++) {
    heard.getChannelData(channel).forEach((sample, n) => (mixed[n]! += sample / heard.numberOfChannels));
  }
  return mixed;
}
