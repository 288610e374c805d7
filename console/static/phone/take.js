// One recording, as a provider makes it: it ends by a key, by silence, by its longest length or a hang-up.

// Above this level of a frame of 20 ms somebody speaks; a noisy room raises it a little.
const QUIETEST = 0.006;
const LOUDEST = 0.02;

export class Take {
  // limits: {silence, longest, trims}: in seconds, silence 0: never; whether silence at both ends is cut
  // off. level: told how loud it is, from 0 to 1.
  constructor(rate, limits, level) {
    this.rate = rate;
    this.limits = limits;
    this.level = level;
    this.frames = [];
    this.length = 0;
    this.room = Infinity;
    this.firstSpoken = this.lastSpoken = 0;
    this.spoken = false;
    this.key = null;
    this.over = new Promise((resolve) => (this.end = resolve));
  }

  add(frame) {
    this.frames.push(frame);
    this.length += frame.length;
    const loud = rms(frame);
    this.room = Math.min(this.room, loud);
    if (loud > Math.min(LOUDEST, Math.max(QUIETEST, this.room * 3))) {
      if (!this.spoken) this.firstSpoken = this.seconds - frame.length / this.rate;
      this.spoken = true;
      this.lastSpoken = this.seconds;
    }
    this.level(Math.min(1, loud * 5));
    const { silence, longest } = this.limits;
    if (this.seconds >= longest) this.end("longest");
    else if (silence && this.seconds - this.lastSpoken >= silence) this.end("silence");
  }

  press(key) {
    this.key = key;
    this.end("key");
  }

  get seconds() {
    return this.length / this.rate;
  }

  // Nobody spoke, and nobody pressed a key either.
  get isEmpty() {
    return this.key === null && !this.spoken;
  }

  // The WAV file, at the rate that was wanted.
  async wav(wanted) {
    let samples = joined(this.frames, this.length);
    if (this.limits.trims && this.spoken) {
      samples = samples.slice(Math.round(this.firstSpoken * this.rate), Math.round(this.lastSpoken * this.rate));
    }
    if (this.rate !== wanted) samples = await resampled(samples, this.rate, wanted);
    return wav(samples, wanted);
  }
}

function rms(frame) {
  let sum = 0;
  for (const sample of frame) sum += sample * sample;
  return Math.sqrt(sum / frame.length);
}

function joined(frames, length) {
  const all = new Float32Array(length);
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return all;
}

async function resampled(samples, from, to) {
  if (!samples.length) return samples;
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * to) / from), to);
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: from });
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

// RIFF, 16-bit PCM, one channel.
export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const write = (at, text) => [...text].forEach((char, place) => view.setUint8(at + place, char.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, place) => {
    const held = Math.max(-1, Math.min(1, sample));
    view.setInt16(44 + place * 2, Math.round(held * 32767), true);
  });
  return view.buffer;
}
