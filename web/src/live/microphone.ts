/** Opens the microphone and calls `hear` with each block of mono samples; returns how to close it. Browsers allow it on localhost and over TLS only. */
export async function openMicrophone(context: AudioContext, hear: (samples: Float32Array) => void): Promise<() => void> {
  if (!navigator.mediaDevices) throw new Error(location.origin);
  const wish = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wish });
  await context.audioWorklet.addModule('recorder.js');
  const source = context.createMediaStreamSource(stream), recorder = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 });
  recorder.port.onmessage = ({ data }) => hear(data as Float32Array);
  source.connect(recorder);
  return () => {
    recorder.port.onmessage = null;
    source.disconnect();
    stream.getTracks().forEach((track) => track.stop());
  };
}
