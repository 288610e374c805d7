// Who speaks on the caller's side: a microphone, or a file instead. Both hand on samples at the rate that
// was chosen, twenty milliseconds at a time, as they would come down a line.

const WORKLET = new URL("./samples-worklet.js", import.meta.url);

// Why there is no microphone; `code` names the words that say what to do.
export class NoMicrophone extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Microphone {
  // Asks for the microphone. Throws NoMicrophone.
  static async open(rate) {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new NoMicrophone("mic.insecure");
    if (!("AudioWorkletNode" in window)) throw new NoMicrophone("mic.broken");
    // A telephone evens nothing out: what is said is recorded as it is.
    const wish = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: wish });
    } catch (error) {
      throw new NoMicrophone({ NotAllowedError: "mic.denied", NotFoundError: "mic.none" }[error.name] || "mic.broken");
    }
    try {
      return await Microphone.#listening(stream, rate);
    } catch {
      for (const track of stream.getTracks()) track.stop();
      throw new NoMicrophone("mic.broken");
    }
  }

  static async #listening(stream, rate) {
    let context = new AudioContext({ sampleRate: rate });
    try {
      await context.audioWorklet.addModule(WORKLET);
      return new Microphone(stream, context, context.createMediaStreamSource(stream), rate);
    } catch {
      // Some browsers take a microphone only at its own rate: then it is brought to ours afterwards.
      await context.close();
      context = new AudioContext();
      await context.audioWorklet.addModule(WORKLET);
      return new Microphone(stream, context, context.createMediaStreamSource(stream), rate);
    }
  }

  constructor(stream, context, source, rate) {
    this.stream = stream;
    this.context = context;
    this.source = source;
    this.wanted = rate;
    this.rate = context.sampleRate;
  }

  // Samples go to `take` until the function that is returned is called; it resolves when all are there.
  start(take) {
    const node = new AudioWorkletNode(this.context, "samples", { numberOfOutputs: 0 });
    let closed;
    const all = new Promise((resolve) => (closed = resolve));
    node.port.onmessage = ({ data }) => (data === null ? closed() : take(data));
    this.context.resume();
    this.source.connect(node);
    return async () => {
      node.port.postMessage("close");
      await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 500))]);
      this.source.disconnect(node);
      node.port.close();
    };
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    this.context.close();
  }
}

// A sound file that speaks in place of the caller, heard while it does. At its end it presses a key.
export class Recorded {
  // Throws when the bytes are no sound.
  static async read(bytes, rate, line) {
    const context = new OfflineAudioContext(1, 1, rate);
    const sound = await context.decodeAudioData(bytes);
    return new Recorded(mono(sound), rate, line);
  }

  constructor(samples, rate, line) {
    this.samples = samples;
    this.rate = this.wanted = rate;
    this.line = line;
  }

  start(take, ended) {
    const frame = this.rate / 50;
    const begun = performance.now();
    let at = 0;
    const heard = this.#aloud();
    const step = () => {
      const now = Math.floor(((performance.now() - begun) / 1000) * this.rate);
      for (; at + frame <= now && at < this.samples.length; at += frame) take(this.samples.slice(at, at + frame));
      if (at < this.samples.length) return;
      clearInterval(timer);
      ended();
    };
    const timer = setInterval(step, 20);
    return async () => {
      clearInterval(timer);
      heard.abort();
    };
  }

  // Whoever waits hears what is being said for him.
  #aloud() {
    const stop = new AbortController();
    const { context, receiver } = this.line;
    const buffer = new AudioBuffer({ length: this.samples.length, sampleRate: this.rate });
    buffer.copyToChannel(this.samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(receiver);
    source.start();
    stop.signal.addEventListener("abort", () => { source.stop(); source.disconnect(); }, { once: true });
    return stop;
  }

  close() {}
}

function mono(sound) {
  const all = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const one = sound.getChannelData(channel);
    for (let at = 0; at < one.length; at += 1) all[at] += one[at] / sound.numberOfChannels;
  }
  return all;
}
