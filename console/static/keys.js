// Single keys for whoever works here all day. `?` shows them.
//
// A page names a key on what it does: <button data-key="w"> is pressed, <summary data-key="w"> is
// opened, <input data-key="/"> is gone to. What is no element of the page is bound by its module:
// bind("Escape", "Play or pause", toggle). data-key-label says what it does where the element's own
// words do not.
//
// Keys are silent while something is typed, while an input method composes, and where the reader has
// switched them off (<body data-keys="off">, WCAG 2.1.4). `inText: true` keeps a key alive in a text
// field: for keys that write nothing, as F2 or Control+Enter; those work with the switch off, too. A
// key that is held down acts once, unless `repeat: true`.
//
// Control+Enter in a field of another form sends that form; but a draft (<form data-draft>) is saved on
// the way.

import { tinykeys } from "./vendor/tinykeys-4.0.0/tinykeys.js";

const bound = new Map();

export function bind(keys, label, act, { inText = false, repeat = false } = {}) {
  if (!bound.has(keys)) tinykeys(window, { [keys]: (event) => press(keys, event) }, { ignore: () => false });
  bound.set(keys, { label, act, inText, repeat });
}

export function isTyping(event) {
  const target = event.target;
  const field = target instanceof Element && target.closest("input, select, textarea, [contenteditable]");
  return isComposing(event) || (Boolean(field) && !isBox(field));
}

// 229: the key belongs to an input method, which some browsers say in no other way.
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

// A ticked box takes no letters.
function isBox(field) {
  return field.matches("input:is([type=checkbox], [type=radio], [type=button], [type=submit])");
}

function press(keys, event) {
  const { act, inText, repeat } = bound.get(keys);
  if (isComposing(event) || event.defaultPrevented || (event.repeat && !repeat)) return;
  if (!inText && (isTyping(event) || document.body.dataset.keys === "off")) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  act(event);
}

// The elements are looked for when the key is pressed: a page may renew a part of itself.
function reach(key, event) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
  const element = found.find((one) => one.checkVisibility() && !one.disabled);
  const other = key === "Control+Enter" && formOfItsOwn(event.target, element);
  if (other) other.requestSubmit();
  else if (element?.matches("summary")) open(element);
  else if (element?.matches("input:not([type=checkbox], [type=radio]), textarea, select")) {
    element.focus();
    element.select?.();
  } else element?.click();
}

function formOfItsOwn(target, element) {
  const form = target instanceof Element ? target.closest("form") : null;
  const own = form && form !== element?.form && !form.hasAttribute("data-draft");
  return own && form.querySelector("button:not([type=button])") ? form : null;
}

// What a key opens is to be filled in.
function open(summary) {
  summary.parentElement.open = true;
  summary.scrollIntoView({ block: "nearest" });
  const field = summary.parentElement.querySelector("input:not([type=hidden]), select, textarea");
  (field ?? summary).focus();
}

// A form that is on its way is not sent a second time, however often a key or a button is pressed.
const onTheirWay = new WeakSet();

window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (onTheirWay.has(form)) {
    event.preventDefault();
    return;
  }
  onTheirWay.add(form);
  setTimeout(() => onTheirWay.delete(form), 3000);
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) onTheirWay.delete(form);
});

function labelOf(element) {
  const named = element.dataset.keyLabel || element.ariaLabel || element.labels?.[0]?.textContent;
  if (named) return plain(named);
  const copy = element.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd")) key.remove();
  return plain(copy.textContent);
}

function plain(text) {
  return text.trim().replace(/\s+/g, " ");
}

export function renew() {
  for (const element of document.querySelectorAll("[data-key]")) {
    const key = element.dataset.key;
    if (!bound.has(key)) {
      bind(key, null, (event) => reach(key, event), { inText: key.includes("+") });
      bound.get(key).element = true;
    }
    element.setAttribute("aria-keyshortcuts", key);
  }
}

// What comes into the page later has its keys, too.
let renewing = false;
new MutationObserver(() => {
  if (renewing) return;
  renewing = true;
  queueMicrotask(() => {
    renew();
    renewing = false;
  });
}).observe(document.body, { childList: true, subtree: true });

// --- moving in a list ------------------------------------------------------------------------------

function move(step) {
  const links = [...document.querySelectorAll("[data-list] > li")]
    .map((line) => line.querySelector("a.number, a"))
    .filter((link) => link?.checkVisibility());
  if (!links.length) return;
  const here = links.findIndex((link) => link.closest("li").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  const link = links[Math.min(Math.max(next, 0), links.length - 1)];
  link.focus();
  link.scrollIntoView({ block: "nearest" });
}

// --- the overview ----------------------------------------------------------------------------------

const sheet = document.querySelector("dialog.keys");
const words = sheet?.querySelector("dl").dataset ?? {};

function show() {
  if (!sheet) return;
  const list = sheet.querySelector("dl");
  list.replaceChildren();
  const shown = new Set();
  const line = (key, label) => {
    if (!label || shown.has(key)) return;
    shown.add(key);
    const term = document.createElement("dt");
    const name = document.createElement("kbd");
    name.textContent = key.replace("Control+", "Ctrl+");
    term.append(name);
    const what = document.createElement("dd");
    what.textContent = label;
    list.append(term, what);
  };
  line("?", words.whatQuestion);
  for (const element of document.querySelectorAll("[data-key]")) {
    if (element.checkVisibility()) line(element.dataset.key, labelOf(element));
  }
  for (const [key, { label, element }] of bound) {
    if (!element && key !== "[Shift]+?") line(key, label);
  }
  sheet.showModal();
}

bind("[Shift]+?", null, show);
if (document.querySelector("[data-list]")) {
  bind("j", words.whatDown, () => move(1), { repeat: true });
  bind("k", words.whatUp, () => move(-1), { repeat: true });
}
// What a region brings with it that renews itself.
document.addEventListener("live:renewed", renew);
renew();
