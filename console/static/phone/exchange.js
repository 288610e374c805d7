// The way to the hotline: every webhook goes through the relay, which fills in and signs it.

const LONGEST_WAIT = 15000; // milliseconds, as long as a provider waits

export class Exchange {
  // proof: that the page is ours; told(sent): hears of every webhook.
  constructor(proof, base, told) {
    this.proof = proof;
    this.base = base;
    this.told = told;
    this.proofs = new Map();
  }

  // A new call. Throws Refused with the minutes to wait when there were too many.
  async begin(from) {
    const answer = await this.#post("/phone/calls", {});
    if (answer.status === 429) throw new TooMany((await answer.json()).minutes);
    if (!answer.ok) throw new Error(`no call: ${answer.status}`);
    this.call = (await answer.json()).call;
    this.from = from;
    this.proofs.clear();
    return this.call;
  }

  // Send a webhook; what was sent, and what was answered.
  async send(url, fields) {
    const asked = { url, fields: { call: this.call, from: this.from, ...fields } };
    return this.again(asked);
  }

  // The same once more, to the letter.
  async again(asked) {
    const answer = await this.#post("/phone/relay", { ...asked.fields, url: asked.url }, AbortSignal.timeout(LONGEST_WAIT));
    if (!answer.ok) throw new Error(`the relay answered ${answer.status}`);
    const sent = await answer.json();
    for (const { language, text, proof } of sent.says) this.proofs.set(`${language} ${text}`, proof);
    this.told(sent, asked);
    return sent;
  }

  // Send a webhook while the page goes away; nobody hears the answer.
  leave(url, fields) {
    const form = new URLSearchParams({ call: this.call, from: this.from, url, csrf_token: this.proof, ...fields });
    fetch("/phone/relay", { method: "POST", body: form, keepalive: true }).catch(() => {});
  }

  // Hand in what was said; what to name it by.
  async handIn(sound, take) {
    const query = new URLSearchParams({ call: this.call, take });
    const headers = { "Content-Type": "audio/wav", "X-CSRFToken": this.proof };
    const answer = await fetch(`/phone/recordings?${query}`, { method: "POST", body: sound, headers });
    if (!answer.ok) throw new Error(`the recording was not taken: ${answer.status}`);
    const { seconds, proof } = await answer.json();
    return { take: String(take), seconds, proof };
  }

  // The words as sound, by the server's voice; undefined where it has none.
  async spoken(text, language, signal) {
    const proof = this.proofs.get(`${language} ${text}`);
    if (!proof) return undefined;
    try {
      const answer = await this.#post("/phone/speech", { text, language, proof }, signal);
      return answer.ok ? await answer.arrayBuffer() : undefined;
    } catch {
      return undefined;
    }
  }

  // The sound of a <Play>, from our own address whatever name it goes by.
  async sound(url, signal) {
    const own = url.startsWith(this.base) ? url.slice(this.base.length) : url;
    const answer = await fetch(own, { signal });
    if (!answer.ok) throw new Error(`no sound: ${answer.status}`);
    return answer.arrayBuffer();
  }

  async became() {
    const answer = await fetch(`/phone/calls/${this.call}`);
    return answer.ok ? answer.json() : { number: null };
  }

  #post(path, fields, signal) {
    const body = new URLSearchParams({ ...fields, csrf_token: this.proof });
    return fetch(path, { method: "POST", body, signal });
  }
}

export class TooMany extends Error {
  constructor(minutes) {
    super("too many calls");
    this.minutes = minutes;
  }
}
