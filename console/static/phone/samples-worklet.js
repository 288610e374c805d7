// Hands on what the microphone hears, twenty milliseconds at a time.

class Samples extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = new Float32Array(Math.round(sampleRate / 50));
    this.filled = 0;
    this.closed = false;
    this.port.addEventListener("message", () => {
      this.port.postMessage(this.held.slice(0, this.filled));
      this.port.postMessage(null);
      this.closed = true;
    });
    this.port.start();
  }

  process(inputs) {
    const heard = inputs[0][0];
    for (let at = 0; heard && at < heard.length; ) {
      const taken = Math.min(heard.length - at, this.held.length - this.filled);
      this.held.set(heard.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
      if (this.filled === this.held.length) {
        this.port.postMessage(this.held.slice());
        this.filled = 0;
      }
    }
    return !this.closed;
  }
}

registerProcessor("samples", Samples);
