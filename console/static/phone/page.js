// The telephone on the page: its keys, its screen, and who speaks.

import { Drawer } from "./drawer.js";
import { Exchange, TooMany } from "./exchange.js";
import { Line } from "./line.js";
import { Mouth } from "./mouth.js";
import { Microphone, NoMicrophone, Recorded } from "./voices.js";
import { Call } from "./walker.js";

const LOOK_AGAIN = 1500; // milliseconds between looks at what became of the call
const LOOK_AT_MOST = 120;

const phone = document.getElementById("phone");
const words = JSON.parse(phone.dataset.words);
const part = (name) => phone.querySelector(`[data-part="${name}"]`);
const proof = part("proof").value;

let line, call, microphone, recorded, timer, followed;
const drawer = new Drawer(part("webhooks"), part("webhook"), words, (asked) => exchange.again(asked));
const exchange = new Exchange(proof, phone.dataset.base, (sent, asked) => drawer.add(sent, asked));

function state(name) {
  phone.dataset.state = name;
  const said = { idle: "idle", ringing: "ringing", talking: "on", gathering: "press", recording: "speak", sending: "sending", ended: "over" }[name];
  part("state").textContent = words[said];
  part("call").disabled = name !== "idle" && name !== "ended";
}

// --- the screen ---

function write(text, { who = "hotline", language = undefined } = {}) {
  const entry = document.createElement("li");
  entry.className = who;
  if (language) entry.lang = language;
  entry.textContent = text;
  const list = part("captions");
  list.append(entry);
  list.scrollTop = list.scrollHeight;
}

function complain(text) {
  const place = part("notice");
  place.textContent = text;
  place.hidden = !text;
}

function level(loud) {
  part("level").style.setProperty("--loud", loud.toFixed(2));
}

function tick() {
  const seconds = call?.seconds ?? 0;
  part("timer").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// TwiML names languages as the provider does; a screen reader by their own tags.
function tag(language) {
  return { yue: "yue", cmn: "zh" }[language.split("-")[0]] || language;
}

// --- the call ---

const HEARD = {
  ringing: () => state("ringing"),
  talking: () => {
    state("talking");
    level(0);
  },
  gathering: () => state("gathering"),
  wanted: (keys) => (phone.dataset.wanted = String(keys)),
  recording: () => state("recording"),
  beep: () => write(words.beep, { who: "note" }),
  level,
  sending: (seconds) => {
    state("sending");
    write(words.you_spoke.replace("{seconds}", seconds.toFixed(1)), { who: "caller" });
    follow();
  },
  nothing: () => write(words.nothing_said, { who: "note" }),
  plays: () => write(words.plays, { who: "note" }),
  officer: () => write(words.officer, { who: "note" }),
  unknown: (name) => write(words.unknown_verb.replace("{verb}", name), { who: "note" }),
  trouble: (what) => write(words.trouble.replace("{what}", what), { who: "note" }),
};

async function place() {
  if (call && !call.ended) return;
  line ??= new Line();
  await line.open();
  begin();
  try {
    await hearCaller();
    await exchange.begin(part("from").value);
    const mouth = new Mouth(line, exchange, (text, language) => write(text, { language: tag(language) }));
    const ring = phone.dataset.ring;
    const notice = (what, detail) => HEARD[what]?.(detail);
    const first = phone.dataset.trial ? `/voice?trial=${phone.dataset.trial}` : "/voice";
    call = new Call({ exchange, line, mouth, ring, first, notice, speaker });
    navigator.vibrate?.([200, 100, 200]);
    timer = setInterval(tick, 250);
    await call.run();
  } catch (error) {
    complain(error instanceof TooMany ? words.too_many.replace("{minutes}", error.minutes) : words.trouble.replace("{what}", error.message));
  } finally {
    clearInterval(timer);
    tick();
    over();
  }
}

function begin() {
  state("ringing");
  complain("");
  part("captions").replaceChildren();
  part("card").hidden = part("listen").hidden = true;
  part("card").dataset.ready = "false";
  drawer.clear();
  tick();
}

function over() {
  phone.dataset.wanted = "false";
  microphone?.close();
  microphone = undefined;
  level(0);
  state("ended");
  if (call?.ended) follow();
}

function hangUp() {
  call?.hangUp();
}

// --- who speaks ---

function chosen() {
  return phone.querySelector("input[name=voice]:checked").value;
}

function rate() {
  return Number(part("rate").value);
}

// What was chosen to speak for the caller is made ready; without it the call goes on with the keys alone.
async function hearCaller() {
  recorded = undefined;
  try {
    if (chosen() === "microphone") microphone ??= await Microphone.open(rate());
    else if (chosen() === "file") recorded = await ofFile();
    else recorded = await Recorded.read(await (await fetch(chosen())).arrayBuffer(), rate(), line);
  } catch (error) {
    complain(words[error instanceof NoMicrophone ? error.code : "file.broken"]);
  }
}

async function ofFile() {
  const file = part("file").files[0];
  return file && Recorded.read(await file.arrayBuffer(), rate(), line);
}

function speaker() {
  return chosen() === "microphone" ? microphone ?? null : recorded ?? null;
}

async function changeVoice(event) {
  if (event.target === part("file") && part("file").files.length) phone.querySelector("input[value=file]").checked = true;
  if (!call || call.ended) return;
  complain("");
  await hearCaller();
  call.speakerChanged?.();
}

// --- the keys ---

function press(key) {
  line?.key(key);
  navigator.vibrate?.(15);
  const button = phone.querySelector(`[data-digit="${key}"]`);
  button.classList.add("pressed");
  setTimeout(() => button.classList.remove("pressed"), 150);
  if (!call || call.ended) return;
  write(words.you_pressed.replace("{key}", key), { who: "caller" });
  call.press(key);
}

function typed(event) {
  const busy = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat;
  const field = event.target.closest?.("input:not([type=radio]), select, textarea");
  const off = document.body.dataset.keys === "off" && !phone.contains(event.target);
  if (busy || field || off || !/^[0-9*#]$/.test(event.key)) return;
  event.preventDefault();
  press(event.key);
}

// --- what became of it ---

// From the first recording on, until it is written down: who called may look at the case at once.
async function follow() {
  const id = exchange.call;
  if (followed === id) return;
  followed = id;
  for (let look = 0; look < LOOK_AT_MOST; look += 1) {
    const over = call.ended;
    const became = await exchange.became().catch(() => ({ number: null }));
    if (exchange.call !== id) return;
    if (became.number) show(became);
    else if (over) tell(words.no_case, "");
    if (over && (became.ready || !became.number)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

function tell(which, written) {
  part("card").hidden = false;
  // Said anew only where it has changed: a screen reader reads out every change.
  if (part("case").textContent !== which) part("case").textContent = which;
  if (part("written").textContent !== written) part("written").textContent = written;
}

function show({ number, page, ready }) {
  tell(words.case.replace("{number}", number), ready ? words["case.ready"] : words["case.waits"]);
  part("card").dataset.ready = String(ready);
  part("listen").href = page;
  part("listen").hidden = false;
}

part("call").addEventListener("click", place);
part("hangup").addEventListener("click", hangUp);
for (const button of phone.querySelectorAll("[data-digit]")) button.addEventListener("click", () => press(button.dataset.digit));
for (const input of phone.querySelectorAll("input[name=voice], [data-part=file]")) input.addEventListener("change", changeVoice);
document.addEventListener("keydown", typed);
window.addEventListener("pagehide", () => call?.leave());
window.addEventListener("beforeunload", (event) => {
  // What is being recorded would be lost.
  if (phone.dataset.state === "recording") event.preventDefault();
});
if (!window.isSecureContext || !navigator.mediaDevices) complain(words["mic.insecure"]);
phone.dataset.ready = "true";
state("idle");
