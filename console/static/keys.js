// Single keys for whoever works here all day. `?` shows them.
//
// A page names a key on what it does: <button data-key="w"> is pressed, <input data-key="/"> is gone to.
// What is no element of the page is bound by its module: bind("Escape", "Play or pause", toggle).
// data-key-label says what it does where the element's own words do not.
//
// Keys are silent while something is typed, while an input method composes, and where the reader has
// switched them off (<body data-keys="off">, WCAG 2.1.4). `inText: true` keeps a key alive in a text
// field: for keys that write nothing, as F2 or Control+Enter; those work with the switch off, too.

import { tinykeys } from "./vendor/tinykeys-4.0.0/tinykeys.js";

const bound = new Map();

export function bind(keys, label, act, { inText = false } = {}) {
  if (!bound.has(keys)) tinykeys(window, { [keys]: (event) => press(keys, event) }, { ignore: () => false });
  bound.set(keys, { label, act, inText });
}

export function isTyping(event) {
  const target = event.target;
  const field = target instanceof Element && target.closest("input, select, textarea, [contenteditable]");
  return event.isComposing || event.keyCode === 229 || (Boolean(field) && !isBox(field));
}

// A ticked box takes no letters.
function isBox(field) {
  return field.matches("input:is([type=checkbox], [type=radio], [type=button], [type=submit])");
}

function press(keys, event) {
  const { act, inText } = bound.get(keys);
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if (!inText && (isTyping(event) || document.body.dataset.keys === "off")) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  act(event);
}

// The elements are looked for when the key is pressed: a page may renew a part of itself.
function reach(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
  const element = found.find((one) => one.checkVisibility() && !one.disabled);
  if (!element) return;
  const isField = element.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  if (isField) element.focus();
  else element.click();
}

function labelOf(element) {
  const named = element.dataset.keyLabel || element.ariaLabel || element.labels?.[0]?.textContent;
  return (named || element.textContent).trim().replace(/\s+/g, " ");
}

export function renew() {
  for (const element of document.querySelectorAll("[data-key]")) {
    const key = element.dataset.key;
    if (!bound.has(key)) {
      bind(key, null, () => reach(key), { inText: key.includes("+") });
      bound.get(key).element = true;
    }
    element.setAttribute("aria-keyshortcuts", key);
  }
}

function show() {
  const sheet = document.getElementById("keys");
  if (!sheet) return;
  const list = sheet.querySelector("dl");
  list.replaceChildren();
  const shown = new Set();
  const line = (key, label) => {
    if (!label || shown.has(key + label)) return;
    shown.add(key + label);
    const term = document.createElement("dt");
    const name = document.createElement("kbd");
    name.textContent = key.replace("Control+", "Ctrl+");
    term.append(name);
    const what = document.createElement("dd");
    what.textContent = label;
    list.append(term, what);
  };
  line("?", list.dataset.whatQuestion);
  for (const [key, { label, element }] of bound) {
    if (!element && key !== "Shift+?") line(key, label);
  }
  for (const element of document.querySelectorAll("[data-key]")) {
    if (element.checkVisibility()) line(element.dataset.key, labelOf(element));
  }
  sheet.showModal();
}

bind("[Shift]+?", null, show);
renew();
