// Runs in the audio thread: blocks of 128 samples are collected into messages of about 40 ms.
registerProcessor('recorder', class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(128 * Math.max(1, Math.round(sampleRate * 0.04 / 128)));
    this.filled = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    this.block.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled === this.block.length) {
      this.port.postMessage(this.block);
      this.filled = 0;
    }
    return true;
  }
});
