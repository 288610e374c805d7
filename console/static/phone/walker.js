// One call: fetches TwiML and does what it says, verb by verb, as a provider would.
//
// Source of verbs, attributes and their defaults: Twilio's TwiML reference.

import { Ended, pause } from "./time.js";
import { Take } from "./take.js";

const MOST_DOCUMENTS = 200;
const ANY_KEY = "1234567890*#";
// How long we let it ring where an officer would answer.
const OFFICER = 4;

// The answer cannot be used; `code` is the provider's error number.
class Unusable extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Call {
  // desk: {exchange, line, mouth, ring, first, speaker(), notice(state, detail)}. first is the address that
  // answers; speaker() is who speaks for the caller at that moment, or null; notice() is told how the call
  // stands.
  constructor(desk) {
    Object.assign(this, desk);
    this.hangup = new AbortController();
    this.takes = 0;
    this.document = this.first;
    this.listener = null;
  }

  get signal() {
    return this.hangup.signal;
  }

  get seconds() {
    return this.answeredAt ? Math.round((performance.now() - this.answeredAt) / 1000) : 0;
  }

  // The caller puts the receiver down.
  hangUp() {
    this.hangup.abort();
  }

  press(key) {
    this.listener?.(key);
  }

  // Place the call and stay on the line to its end.
  async run() {
    let status = "completed";
    try {
      await this.#follow(await this.#ring());
    } catch (end) {
      if (!(end instanceof Ended)) throw end;
      status = end.message || "completed";
    } finally {
      this.listener = null;
      this.hangup.abort();
    }
    this.ended = true;
    await this.exchange.send("/voice/status", this.#last(status)).catch(() => {});
    return status;
  }

  // The page goes away in the middle of a call.
  leave() {
    if (!this.ended) this.exchange.leave("/voice/status", this.#last("completed"));
    this.ended = true;
  }

  #last(status) {
    return { CallStatus: status, CallDuration: String(this.seconds) };
  }

  // --- documents ---

  async #ring() {
    this.notice("ringing");
    const rung = new AbortController();
    const ringing = this.line.ring(this.ring, AbortSignal.any([this.signal, rung.signal]));
    const [document] = await Promise.all([this.#fetch({ url: this.first, status: "ringing" }), ringing]);
    rung.abort();
    this.#stillHere();
    this.answeredAt = performance.now();
    this.notice("talking");
    return document;
  }

  async #follow(document) {
    for (let count = 0; count < MOST_DOCUMENTS; count += 1) {
      const step = await this.#walk(document);
      if (!step) return;
      document = await this.#fetch(step);
      this.#stillHere();
      await this.#announceLast();
    }
    this.notice("trouble", `the call still goes on after ${MOST_DOCUMENTS} documents`);
  }

  async #fetch(step) {
    try {
      return await this.#fetchFrom(step);
    } catch (error) {
      if (error instanceof Ended) throw error;
      const code = error instanceof Unusable ? error.code : 11205;
      this.notice("trouble", error.message);
      const more = { ErrorCode: String(code), ErrorUrl: step.url };
      try {
        return await this.#fetchFrom({ url: "/voice/fallback", more });
      } catch (worse) {
        this.notice("trouble", worse.message);
        throw new Ended("completed");
      }
    }
  }

  async #fetchFrom({ url, status = "in-progress", more = {} }) {
    const sent = await this.exchange.send(url, { CallStatus: status, ...more });
    if (sent.status !== 200) throw new Unusable(11200, `${sent.url} answered ${sent.status}`);
    if (!sent.body.trim()) throw new Unusable(12100, "the answer is empty");
    const answer = new DOMParser().parseFromString(sent.body, "text/xml");
    if (answer.querySelector("parsererror")) throw new Unusable(12100, "the answer is not well-formed");
    if (answer.documentElement.tagName !== "Response") throw new Unusable(12101, "the answer is no <Response>");
    this.document = sent.url;
    return answer.documentElement;
  }

  async #walk(document) {
    for (const verb of document.children) {
      this.#stillHere();
      const act = VERBS[verb.tagName];
      if (!act) {
        this.notice("unknown", verb.tagName);
        continue;
      }
      const step = await act(this, verb);
      this.#stillHere();
      if (step) return step;
    }
    return null;
  }

  #stillHere() {
    if (this.signal.aborted) throw new Ended();
  }

  // Where a verb leads; by itself back to its own document.
  #onward(verb, more, status) {
    return { url: new URL(verb.getAttribute("action") || this.document, this.document).href, more, status };
  }

  // --- what the caller hears ---

  async say(verb, signal = this.signal) {
    for (let round = 0; round < times(verb) && !signal.aborted; round += 1) {
      const text = verb.textContent.trim().replace(/\s+/g, " ");
      await this.mouth.say(text, verb.getAttribute("language") || "en-US", signal);
    }
  }

  async play(verb, signal = this.signal) {
    const url = new URL(verb.textContent.trim(), this.document).href;
    this.notice("plays", url);
    for (let round = 0; round < times(verb) && !signal.aborted; round += 1) {
      try {
        await this.line.play(await this.exchange.sound(url, signal), signal);
      } catch (error) {
        if (!signal.aborted) this.notice("trouble", `${url}: ${error.message}`);
        return;
      }
    }
  }

  async pause(verb, signal = this.signal) {
    await pause(number(verb, "length", 1) * 1000, signal);
  }

  // --- what the caller does ---

  async gather(verb) {
    const finish = verb.getAttribute("finishOnKey") ?? "#";
    const wanted = number(verb, "numDigits", Infinity);
    const timeout = number(verb, "timeout", 5) * 1000;
    const prompts = new AbortController();
    let digits = "";
    let waiting = new AbortController();
    let done = false;
    this.listener = (key) => {
      prompts.abort();
      if (done) return;
      if (finish && finish.includes(key)) done = true;
      else digits += key;
      done ||= digits.length >= wanted;
      waiting.abort();
    };
    this.notice("wanted", true);
    const heard = AbortSignal.any([this.signal, prompts.signal]);
    for (const child of verb.children) {
      if (heard.aborted) break;
      await VERBS[child.tagName]?.(this, child, heard);
    }
    if (!done) this.notice("gathering");
    while (!done && !this.signal.aborted) {
      // A key that came during the prompt starts the wait for the next one.
      waiting = new AbortController();
      const pressed = waiting.signal;
      await pause(timeout, AbortSignal.any([this.signal, pressed]));
      if (!pressed.aborted) break;
    }
    this.listener = null;
    this.notice("wanted", false);
    this.notice("talking");
    this.#stillHere();
    if (!digits && verb.getAttribute("actionOnEmptyResult") !== "true") return null;
    return this.#onward(verb, digits ? { Digits: digits } : {});
  }

  async record(verb) {
    if (verb.getAttribute("playBeep") !== "false") {
      this.notice("beep");
      await this.line.beep(this.signal);
    }
    this.#stillHere();
    const { take, wanted } = await this.#caught(verb);
    const hungUp = this.signal.aborted;
    this.takes += 1;
    if (take.isEmpty) {
      this.notice("nothing", take.seconds);
      await this.#announce(verb, { take: String(this.takes), recorded: "absent" }, "absent");
      return null;
    }
    this.notice("sending", take.seconds);
    const recorded = await this.exchange.handIn(await take.wav(wanted), this.takes);
    const key = hungUp ? "hangup" : take.key;
    const step = this.#onward(verb, { ...recorded, ...(key ? { Digits: key } : {}) }, hungUp ? "completed" : "in-progress");
    this.last = { verb, recorded };
    if (hungUp) {
      // The action is asked for all the same; what it answers reaches nobody.
      await this.#fetchFrom(step).catch(() => {});
      await this.#announceLast();
    }
    return step;
  }

  async #caught(verb) {
    const limits = {
      silence: number(verb, "timeout", 5),
      longest: number(verb, "maxLength", 3600),
      trims: verb.getAttribute("trim") !== "do-not-trim",
    };
    const finish = verb.getAttribute("finishOnKey") ?? ANY_KEY;
    const level = (loud) => this.notice("level", loud);
    let take, stop;
    const listen = () => {
      const speaker = this.speaker();
      take = new Take(speaker?.rate ?? 8000, limits, level);
      const wanted = speaker?.wanted ?? 8000;
      // What speaks for the caller has pressed a key at its end, as the caller would.
      const end = () => (finish.includes("#") ? take.press("#") : undefined);
      stop = speaker ? speaker.start((frame) => take.add(frame), end) : silence(take);
      return wanted;
    };
    this.notice("recording");
    let wanted = listen();
    const gone = new Promise((resolve) => this.signal.addEventListener("abort", () => resolve("hangup"), { once: true }));
    this.listener = (key) => finish.includes(key) && take.press(key);
    for (let why = "changed"; why === "changed"; ) {
      // Somebody who chose another voice in the middle of it is listened to from there.
      const changed = new Promise((resolve) => (this.speakerChanged = () => resolve("changed")));
      why = await Promise.race([take.over, gone, changed]);
      await stop();
      if (why === "changed") wanted = listen();
    }
    this.listener = this.speakerChanged = null;
    this.notice("talking");
    return { take, wanted };
  }

  // The callback of a recording follows the action that it belongs to.
  async #announceLast() {
    const { verb, recorded } = this.last ?? {};
    this.last = null;
    if (verb) await this.#announce(verb, recorded, "completed");
  }

  async #announce(verb, recorded, status) {
    const url = verb.getAttribute("recordingStatusCallback");
    const wanted = (verb.getAttribute("recordingStatusCallbackEvent") || "completed").split(" ");
    if (!url || !wanted.includes(status)) return;
    await this.exchange.send(new URL(url, this.document).href, recorded).catch((error) => this.notice("trouble", error.message));
  }

  // --- where the call goes ---

  async dial(verb) {
    this.notice("officer", verb.textContent.trim());
    const seconds = Math.min(OFFICER, number(verb, "timeout", 30));
    const over = new AbortController();
    this.line.ring(this.ring, AbortSignal.any([this.signal, over.signal]));
    await pause(seconds * 1000, this.signal);
    over.abort();
    this.#stillHere();
    return verb.getAttribute("action") ? this.#onward(verb, { DialCallStatus: "no-answer" }) : null;
  }

  redirect(verb) {
    return { url: new URL(verb.textContent.trim(), this.document).href };
  }
}

const VERBS = {
  Say: (call, verb, signal) => call.say(verb, signal),
  Play: (call, verb, signal) => call.play(verb, signal),
  Pause: (call, verb, signal) => call.pause(verb, signal),
  Gather: (call, verb) => call.gather(verb),
  Record: (call, verb) => call.record(verb),
  Dial: (call, verb) => call.dial(verb),
  Redirect: (call, verb) => call.redirect(verb),
  Hangup: () => {
    throw new Ended("completed");
  },
  Reject: (call, verb) => {
    throw new Ended(verb.getAttribute("reason") === "busy" ? "busy" : "no-answer");
  },
};

function number(verb, name, usual) {
  const value = Number.parseInt(verb.getAttribute(name), 10);
  return Number.isNaN(value) ? usual : value;
}

function times(verb) {
  const loop = number(verb, "loop", 1);
  return loop === 0 ? 1000 : loop;
}

// Nobody is there to speak: the line is quiet, second after second.
function silence(take) {
  const begun = performance.now() - take.seconds * 1000;
  // By the clock: a tab that nobody looks at is woken once a second.
  const timer = setInterval(() => {
    while (take.seconds * 1000 < performance.now() - begun) take.add(new Float32Array(take.rate / 50));
  }, 20);
  return async () => clearInterval(timer);
}
