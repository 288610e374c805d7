// Says what a caller is to hear: by the server's voice, else the browser's, else in writing alone. Written
// it always is.

import { pause, secondsToSay } from "./time.js";

// Browsers' voices go by other names than a provider's.
const BROWSERS = { yue: ["zh-HK", "yue"], cmn: ["zh-CN", "cmn"], en: ["en"] };

export class Mouth {
  // caption(text, language): writes it where it is seen and read aloud.
  constructor(line, exchange, caption) {
    this.line = line;
    this.exchange = exchange;
    this.caption = caption;
  }

  async say(text, language, signal) {
    if (signal.aborted) return;
    this.caption(text, language);
    if (await this.#byServer(text, language, signal)) return;
    if (await this.#byBrowser(text, language, signal)) return;
    await pause(secondsToSay(text) * 1000, signal);
  }

  async #byServer(text, language, signal) {
    const sound = await this.exchange.spoken(text, language, signal);
    if (!sound) return false;
    try {
      await this.line.play(sound, signal);
      return true;
    } catch {
      return false;
    }
  }

  // Some browsers name voices and never speak, some stop half-way: a clock of our own goes with it.
  async #byBrowser(text, language, signal) {
    const voice = voiceFor(language);
    if (!voice || signal.aborted) return false;
    const words = new SpeechSynthesisUtterance(text);
    words.voice = voice;
    words.lang = voice.lang;
    const over = new Promise((resolve) => {
      words.addEventListener("end", () => resolve(true), { once: true });
      words.addEventListener("error", () => resolve(false), { once: true });
    });
    const begun = performance.now();
    const guard = (secondsToSay(text) * 2 + 3) * 1000;
    speechSynthesis.speak(words);
    const spoke = await Promise.race([over, pause(guard, signal).then(() => true)]);
    speechSynthesis.cancel();
    // An error at once is no voice at all; after a while most of it has been heard.
    return spoke || signal.aborted || performance.now() - begun > 1000;
  }
}

function voiceFor(language) {
  if (!("speechSynthesis" in window)) return undefined;
  const wanted = BROWSERS[language.split("-")[0]] || [language];
  const voices = speechSynthesis.getVoices();
  for (const tag of wanted) {
    const found = voices.find((voice) => voice.lang.replace("_", "-").startsWith(tag));
    if (found) return found;
  }
  return undefined;
}
