// A recording and its text move together. Click a character to hear it; the one being spoken is marked.
// Without this module there are the browser's own controls, and times that are plain links.
//
// Escape plays and pauses, F1 and F2 go 1.5 s back and on, F3 and F4 slower and faster (the hand memory
// of people who transcribe; < and > do it, too), r goes 3 s back and slower; [ and ] go from doubt to
// doubt. The text is one stop of the Tab key: in it arrows choose a character and Enter plays it.

import { bind } from "./keys.js";
import WaveSurfer from "./vendor/wavesurfer.js-8.0.1/wavesurfer.esm.js";

const SLOWEST = 0.5;
const FASTEST = 2.5;
const STEP = 0.1;
const HOP = 1.5; // seconds
const LEAP = 5;
const REWIND = 1.5; // who goes on listening hears again the last words before the pause
const AGAIN = { back: 3, speed: 0.75 };
const HEARD_AGAIN = 0.5; // so far past the place that was not understood the speed is as before
const LET_READ = 4000; // milliseconds after the reader moved the text
const HELD = 1000; // milliseconds after the last key that the sound waits for

const players = [];
let last = null;

class Player {
  constructor(article) {
    this.article = article;
    this.audio = article.querySelector("audio");
    this.deck = article.querySelector(".deck");
    this.wave = article.querySelector(".wave");
    this.units = [...article.querySelectorAll(".u")].map((span) => ({
      span,
      start: Number(span.dataset.start),
      end: Number(span.dataset.end),
    }));
    this.until = null;
    this.rests = false;
    this.marked = null;
    this.slowed = null;
    this.moved = 0;
    this.kept = 0; // where listening was left, until the sound is there
    this.audio.controls = false;
    this.deck.hidden = false;
    this.setSpeed(Number(document.body.dataset.speed) || 1);
    this.listen();
    this.draw();
  }

  get length() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : Number(this.wave.dataset.seconds);
  }

  get now() {
    return this.audio.readyState || this.audio.currentTime ? this.audio.currentTime : this.kept;
  }

  listen() {
    const { audio, article } = this;
    const play = article.querySelector(".play");
    play.addEventListener("click", () => this.toggle());
    article.querySelector(".slower").addEventListener("click", () => this.faster(-STEP));
    article.querySelector(".faster").addEventListener("click", () => this.faster(STEP));
    article.querySelector(".again").addEventListener("click", () => this.again());
    audio.addEventListener("play", () => {
      for (const other of players) if (other !== this) other.audio.pause();
      last = this;
      this.say(play, true);
      this.follow();
    });
    audio.addEventListener("pause", () => {
      this.rests = true;
      this.say(play, false);
    });
    for (const kind of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(kind, () => this.show());
    this.wave.addEventListener("keydown", (event) => this.slide(event));
    article.addEventListener("click", (event) => this.clicked(event));
    this.choose(article.querySelector(".segments"));
    this.markDoubts(article.querySelector(".doubts"));
  }

  say(button, playing) {
    button.ariaLabel = playing ? button.dataset.pause : button.dataset.play;
    this.article.dataset.state = playing ? "playing" : "paused";
  }

  async draw() {
    try {
      const answer = await fetch(this.wave.dataset.outline);
      if (!answer.ok) return;
      const { seconds, levels } = await answer.json();
      WaveSurfer.create({
        container: this.wave,
        media: this.audio,
        peaks: [levels.map((level) => level / 255)],
        duration: seconds,
        height: 56,
        waveColor: "#7f9bb0",
        progressColor: "#0b4a6f",
        cursorColor: "#a3141f",
        cursorWidth: 2,
        normalize: true,
        barWidth: 2,
        barGap: 1,
        dragToSeek: true,
        cspNonce: this.wave.dataset.nonce,
      });
    } catch {
      // The picture is a help; the slider works without it.
    }
  }

  // Everything that starts the sound waits until its length is known: only then can it be moved.
  async ready() {
    if (this.audio.readyState > 0) return;
    await new Promise((resolve) => {
      this.audio.addEventListener("loadedmetadata", resolve, { once: true });
      this.audio.preload = "metadata";
      this.audio.load();
    });
    if (this.kept && !this.audio.currentTime) {
      this.audio.currentTime = this.kept;
      this.rests = true;
    }
  }

  async seek(seconds) {
    await this.ready();
    this.rests = false;
    this.until = null;
    this.audio.currentTime = Math.min(Math.max(seconds, 0), this.length);
    this.show();
  }

  async playFrom(seconds, until = null) {
    last = this;
    await this.seek(seconds);
    this.until = until;
    await this.start();
  }

  async start() {
    try {
      await this.audio.play();
    } catch {
      // The browser wants a person's press first: the button is there.
    }
  }

  async toggle() {
    last = this;
    if (!this.audio.paused) return this.audio.pause();
    await this.ready();
    if (this.rests && !this.audio.ended) this.audio.currentTime = Math.max(0, this.audio.currentTime - REWIND);
    this.rests = false;
    this.until = null;
    await this.start();
  }

  async hop(seconds) {
    await this.ready();
    await this.seek(this.audio.currentTime + seconds);
  }

  setSpeed(speed) {
    const kept = Math.round(Math.min(FASTEST, Math.max(SLOWEST, speed)) * 100) / 100;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = kept;
    this.article.querySelector(".speed").textContent = `${kept.toFixed(kept * 10 === Math.round(kept * 10) ? 1 : 2)}×`;
  }

  faster(step) {
    this.slowed = null;
    this.setSpeed(this.audio.playbackRate + step);
  }

  // Once the place is heard again the speed is what it was.
  async again() {
    await this.ready();
    this.slowed ??= { at: this.audio.currentTime, speed: this.audio.playbackRate };
    this.setSpeed(AGAIN.speed);
    await this.playFrom(this.audio.currentTime - AGAIN.back);
  }

  slide(event) {
    const way = {
      ArrowLeft: () => this.hop(-LEAP),
      ArrowDown: () => this.hop(-LEAP),
      ArrowRight: () => this.hop(LEAP),
      ArrowUp: () => this.hop(LEAP),
      Home: () => this.seek(0),
      End: () => this.seek(this.length),
      " ": () => this.toggle(),
      Enter: () => this.toggle(),
    }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    way();
  }

  clicked(event) {
    const link = event.target.closest("a.time");
    const unit = event.target.closest(".u");
    if (link) {
      event.preventDefault();
      const until = link.dataset.end ? Number(link.dataset.end) : null;
      this.playFrom(Number(link.dataset.start), until);
    } else if (unit && !String(getSelection())) {
      this.playFrom(Number(unit.dataset.start));
    }
  }

  // One character at a time can be reached by Tab; arrows go on from there.
  choose(text) {
    if (!text || !this.units.length) return;
    for (const kind of ["wheel", "touchmove"]) {
      text.addEventListener(kind, () => (this.moved = Date.now()), { passive: true });
    }
    this.reachable = this.units[0].span;
    this.reach(this.reachable);
    text.addEventListener("keydown", (event) => {
      const { target } = event;
      if (!target.matches(".u") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") this.playFrom(Number(target.dataset.start));
      else {
        const next = this.neighbour(target, event.key);
        if (!next) return;
        this.reach(next);
        next.focus();
      }
      event.preventDefault();
    });
  }

  reach(span) {
    this.reachable.removeAttribute("tabindex");
    this.reachable.removeAttribute("role");
    this.reachable = span;
    span.tabIndex = 0;
    span.role = "button";
  }

  neighbour(span, key) {
    const here = this.units.findIndex((unit) => unit.span === span);
    const line = (step) => {
      const lines = [...this.article.querySelectorAll(".segments > li")];
      const next = lines[lines.indexOf(span.closest("li")) + step];
      return next?.querySelector(".u");
    };
    return {
      ArrowLeft: () => this.units[here - 1]?.span,
      ArrowRight: () => this.units[here + 1]?.span,
      ArrowUp: () => line(-1),
      ArrowDown: () => line(1),
      Home: () => span.closest("li").querySelector(".u"),
      End: () => [...span.closest("li").querySelectorAll(".u")].at(-1),
    }[key]?.();
  }

  markDoubts(button) {
    if (!button || !this.article.querySelector(".doubtful")) return;
    const set = (marked) => {
      this.article.classList.toggle("no-doubts", !marked);
      button.ariaPressed = String(marked);
    };
    button.hidden = false;
    set(localStorage.getItem("doubts") !== "off");
    button.addEventListener("click", () => {
      const marked = button.ariaPressed !== "true";
      localStorage.setItem("doubts", marked ? "on" : "off");
      set(marked);
    });
  }

  // While it plays every picture is looked at: a character lasts a fifth of a second.
  follow() {
    if (this.audio.paused) return;
    this.show();
    if (this.slowed && this.audio.currentTime > this.slowed.at + HEARD_AGAIN) {
      this.setSpeed(this.slowed.speed);
      this.slowed = null;
    }
    if (this.until !== null && this.audio.currentTime >= this.until) {
      this.audio.pause();
      this.until = null;
      return;
    }
    requestAnimationFrame(() => this.follow());
  }

  show() {
    const { now } = this;
    const told = `${clock(now)} / ${clock(this.length)}`;
    this.article.querySelector(".at").textContent = told;
    this.wave.setAttribute("aria-valuemax", this.length.toFixed(1));
    this.wave.setAttribute("aria-valuenow", now.toFixed(1));
    this.wave.setAttribute("aria-valuetext", told);
    this.mark(now);
  }

  mark(now) {
    const unit = this.audio.paused && now === 0 ? null : this.at(now);
    if (unit === this.marked) return;
    this.marked?.span.classList.remove("now");
    unit?.span.classList.add("now");
    this.marked = unit;
    if (unit && !this.audio.paused) this.keepInSight(unit.span);
  }

  // A long text moves along, but not under the hand of who is reading elsewhere in it.
  keepInSight(span) {
    const text = span.closest(".segments");
    if (text.scrollHeight <= text.clientHeight || Date.now() - this.moved < LET_READ) return;
    const frame = text.getBoundingClientRect();
    const { top, bottom } = span.getBoundingClientRect();
    if (top < frame.top || bottom > frame.bottom) text.scrollTop += top - frame.top - frame.height / 3;
  }

  at(now) {
    let low = 0;
    let high = this.units.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const unit = this.units[middle];
      if (now < unit.start) high = middle - 1;
      else if (now >= unit.end) low = middle + 1;
      else return unit;
    }
    return null;
  }
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

for (const article of document.querySelectorAll("article[data-recording]")) players.push(new Player(article));
last = players.find((one) => !one.article.classList.contains("replaced")) ?? players[0] ?? null;

function label(of) {
  return document.querySelector(".said-here")?.dataset[of] ?? of;
}

if (last) {
  const often = { inText: true, repeat: true };
  bind("Escape", label("playOrPause"), () => last.toggle(), { inText: true });
  bind("F1", label("back"), () => last.hop(-HOP), often);
  bind("F2", label("on"), () => last.hop(HOP), often);
  bind("F3", label("slower"), () => last.faster(-STEP), often);
  bind("F4", label("faster"), () => last.faster(STEP), often);
  bind("[Shift]+<", null, () => last.faster(-STEP), { repeat: true });
  bind("[Shift]+>", null, () => last.faster(STEP), { repeat: true });
  bind("r", label("again"), () => last.again());
  bind("[", label("doubtBefore"), () => doubt(-1));
  bind("]", label("doubtNext"), () => doubt(1));
  leaveAndComeBack();
  playAtOnce();
}

// The address asks for it once: who loads the page again has heard it.
function playAtOnce() {
  const address = new URL(location);
  if (!address.searchParams.has("play")) return;
  address.searchParams.delete("play");
  history.replaceState(null, "", address);
  if (document.body.dataset.autoPlay !== "off") last.toggle();
}

// From one doubtful slot to the next, each heard at once.
function doubt(step) {
  const all = [...document.querySelectorAll(".slots .doubtful .snippet")];
  if (!all.length) return;
  const here = all.indexOf(document.activeElement);
  const next = all[(here + step + all.length) % all.length] ?? all[0];
  next.focus();
  next.click();
}

// Who comes back to a case goes on where listening was left. The sound is not asked for until then: who
// only looks at a case has not heard it.
function leaveAndComeBack() {
  for (const player of players) {
    const key = `heard:${player.article.dataset.recording}`;
    player.kept = Number(sessionStorage.getItem(key)) || 0;
    player.show();
    addEventListener("pagehide", () => {
      const { currentTime, ended, readyState } = player.audio;
      if (!readyState) return;
      if (ended || !currentTime) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, String(currentTime));
    });
  }
}

// Who writes down what is said need not stop the sound by hand: it waits while something is typed.
if (document.body.dataset.pauseWhileTyping === "on") {
  let waiting = null;
  document.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    const playing = waiting?.player ?? players.find(({ audio }) => !audio.paused);
    if (!playing) return;
    clearTimeout(waiting?.timer);
    playing.audio.pause();
    const timer = setTimeout(() => {
      waiting = null;
      playing.rests = false;
      playing.start();
    }, HELD);
    waiting = { player: playing, timer };
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !waiting) return;
    clearTimeout(waiting.timer);
    waiting = null;
  }, { capture: true });
}
