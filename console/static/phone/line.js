// What comes out of the receiver: voices and sounds in a telephone's band, tones as telephones make them.

import { pause } from "./time.js";

const LOWEST = 300;
const HIGHEST = 3400;
// ITU-T Q.23: the pair of tones of each key.
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];
const KEYS = ["123", "456", "789", "*0#"];
const TONE = 0.1;
// How it rings, by the city's script; seconds of sound and of silence in turn.
const RINGS = {
  hk: { tones: [440, 480], cadence: [0.4, 0.2, 0.4, 3] },
  cn: { tones: [450], cadence: [1, 4] },
};

export class Line {
  constructor() {
    this.context = new AudioContext();
    const low = new BiquadFilterNode(this.context, { type: "highpass", frequency: LOWEST });
    const high = new BiquadFilterNode(this.context, { type: "lowpass", frequency: HIGHEST });
    low.connect(high).connect(this.context.destination);
    this.receiver = low;
  }

  // A browser lets nothing sound before somebody has pressed something.
  async open() {
    if (this.context.state === "suspended") await this.context.resume().catch(() => {});
  }

  // Play sound that came as a file, to its end or until the signal. Throws when it is no sound.
  async play(bytes, signal) {
    const sound = await this.context.decodeAudioData(bytes);
    if (!signal?.aborted) await this.#sound(new AudioBufferSourceNode(this.context, { buffer: sound }), sound.duration, signal);
  }

  async #sound(source, seconds, signal) {
    source.connect(this.receiver);
    source.start();
    // By the clock as well: a device that went away tells nobody.
    const ended = new Promise((resolve) => source.addEventListener("ended", resolve, { once: true }));
    const stop = new AbortController();
    const both = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]);
    await Promise.race([ended, pause((seconds + 1) * 1000, both)]);
    stop.abort();
    try { source.stop(); } catch { /* it has ended by itself */ }
    source.disconnect();
  }

  key(key) {
    const row = KEYS.findIndex((keys) => keys.includes(key));
    this.tone([ROWS[row], COLUMNS[KEYS[row].indexOf(key)]], TONE);
  }

  // The tone that says: speak now.
  async beep(signal) {
    this.tone([1000], 0.3);
    await pause(350, signal);
  }

  // Ring until the signal; resolves when it has rung once.
  async ring(kind, signal) {
    const { tones, cadence } = RINGS[kind] || RINGS.cn;
    const once = cadence.slice(0, -1).reduce((sum, seconds) => sum + seconds, 0);
    (async () => {
      while (!signal.aborted) {
        for (const [place, seconds] of cadence.entries()) {
          if (signal.aborted) return;
          if (place % 2 === 0) this.tone(tones, seconds, 0.08, signal);
          await pause(seconds * 1000, signal);
        }
      }
    })();
    await pause(once * 1000, signal);
  }

  tone(frequencies, seconds, loud = 0.12, signal = undefined) {
    const now = this.context.currentTime;
    const gain = new GainNode(this.context, { gain: 0 });
    // Without a rise and a fall it would click.
    gain.gain.setValueAtTime(0, now);
    gain.gain.linearRampToValueAtTime(loud, now + 0.005);
    gain.gain.setValueAtTime(loud, now + seconds - 0.005);
    gain.gain.linearRampToValueAtTime(0, now + seconds);
    gain.connect(this.receiver);
    for (const frequency of frequencies) {
      const source = new OscillatorNode(this.context, { frequency });
      source.connect(gain);
      source.start(now);
      source.stop(now + seconds);
      signal?.addEventListener("abort", () => source.stop(), { once: true });
    }
  }
}
