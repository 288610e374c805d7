// A case at the desk: choosing by keys, dispatching, and who else is at it.

import { bind } from "./keys.js";

const decide = document.getElementById("decide");
const token = () => document.querySelector("input[name=csrf_token]")?.value ?? "";

if (decide) choose(decide);
copyNumber(document.querySelector("[data-copy]"));
const hand = document.getElementById("in-hand");
if (hand) stayInTouch(hand);

// --- choosing -----------------------------------------------------------------------------------

function choose(form) {
  const groups = [...form.querySelectorAll("fieldset[data-choice]")];
  for (const group of groups) {
    bind(group.dataset.choice, group.dataset.keyLabel, () => enter(group));
    group.addEventListener("focusin", () => activate(group));
  }
  for (const nth of [1, 2, 3]) {
    bind(String(nth), nth === 1 ? `1–3 ${groups[0].dataset.nthLabel}` : null, () => pick(nth));
  }
  activate(groups[0]);

  function activate(group) {
    for (const one of groups) one.toggleAttribute("data-active", one === group);
  }

  function enter(group) {
    activate(group);
    const chosen = group.querySelector("input:checked") ?? group.querySelector("input, select");
    // Where nothing stands in sight to be chosen from, the list is gone to.
    const list = chosen?.value === "" ? chosen.parentElement.querySelector("select") : null;
    (list ?? chosen)?.focus();
    group.scrollIntoView({ block: "nearest" });
  }

  function pick(nth) {
    const group = form.querySelector("fieldset[data-active]") ?? groups[0];
    const box = [...group.querySelectorAll("input[type=radio]")].filter((one) => one.value)[nth - 1];
    if (!box) return;
    box.focus();
    if (!box.checked) box.click();
  }

  form.addEventListener("change", ({ target }) => {
    if (target.matches("select[name$=-other]")) {
      target.parentElement.querySelector("input[type=radio]").checked = true;
    }
    if (target.name === "lead" || target.name === "lead-other") form.dataset.leadChosen = "1";
    if (target.name?.startsWith("category")) askWhose(form);
  });
  // A key that chooses must not send the form by the way.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input[type=radio], input[type=checkbox]") && !event.ctrlKey) {
      event.preventDefault();
    }
  });
  form.addEventListener("submit", (event) => saveFirst(form, event));
}

// Who may have it depends on what it is. A department that was chosen by hand stays chosen.
let asking = null;

async function askWhose(form) {
  const sent = new FormData(form);
  const category = sent.get("category") || sent.get("category-other") || "";
  asking?.abort();
  asking = new AbortController();
  try {
    const address = `${form.dataset.departments}?category=${encodeURIComponent(category)}`;
    const answer = await fetch(address, { signal: asking.signal });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = document.getElementById("departments");
    const kept = form.dataset.leadChosen ? sent.get("lead") || sent.get("lead-other") : "";
    part.replaceChildren(...page.body.childNodes);
    if (kept) chooseLead(part, kept);
    part.dataset.category = category;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function chooseLead(part, code) {
  const box = [...part.querySelectorAll("input[type=radio]")].find((one) => one.value === code);
  if (box) {
    box.checked = true;
    return;
  }
  const list = part.querySelector("select");
  list.value = code;
  list.parentElement.querySelector("input[type=radio]").checked = true;
}

// --- dispatching ----------------------------------------------------------------------------------

// Whoever has unsaved work on the page is asked to save it first: on "before-dispatch" they call
// event.detail.waitFor(promise). The promise may give {was, version, seen}: the case's new state, on
// which this page then decides if it knew the case as it was. If it fails nothing is sent.
async function saveFirst(form, event) {
  if (form.dataset.saved) return;
  const promises = [];
  const detail = { waitFor: (promise) => promises.push(promise) };
  document.dispatchEvent(new CustomEvent("before-dispatch", { detail }));
  if (!promises.length) return;
  event.preventDefault();
  const button = event.submitter;
  const problem = form.querySelector(".not-saved");
  problem.hidden = true;
  try {
    for (const state of await Promise.all(promises)) if (state) isNow(state);
    form.dataset.saved = "1";
    form.requestSubmit(button);
  } catch {
    problem.textContent = form.dataset.notSaved;
    problem.hidden = false;
  } finally {
    delete form.dataset.saved;
  }
}

// Where somebody else changed the case before, that is for the server to say.
function isNow({ was, version, seen }) {
  const known = document.querySelector("#decide input[name=version]").value;
  if (String(was) !== known) return;
  for (const [name, value] of Object.entries({ version, seen })) {
    for (const field of document.querySelectorAll(`input[type=hidden][name="${name}"]`)) field.value = value;
  }
}

// --- the number -----------------------------------------------------------------------------------

function copyNumber(button) {
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = words), 2000);
  });
}

// --- who else is here -------------------------------------------------------------------------------

// The page tells every two seconds that it is in sight, and whether anything was done on it since;
// after a minute in which nothing was, every ten. A page out of sight is silent.
function stayInTouch(part) {
  const often = 2000;
  const seldom = 10000;
  let acted = true;
  let lastAct = Date.now();
  let timer = null;
  let failures = 0;

  const act = () => {
    acted = true;
    lastAct = Date.now();
  };
  for (const kind of ["keydown", "pointerdown", "input", "wheel", "touchmove", "timeupdate"]) {
    document.addEventListener(kind, act, { capture: true, passive: true });
  }

  async function tell() {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") return;
    const active = acted;
    acted = false;
    try {
      const answer = await fetch(part.dataset.address, {
        method: "POST",
        body: new URLSearchParams(active ? { active: "1" } : {}),
        headers: { "X-CSRFToken": token(), ...(active ? {} : { "X-Unattended": "1" }) },
      });
      if (answer.redirected) return; // signed out: the next press will say so
      if (answer.ok) {
        show(await answer.text());
        failures = 0;
      } else {
        failures += 1;
      }
    } catch {
      failures += 1;
      acted ||= active;
    }
    const rest = Date.now() - lastAct > 60000 ? seldom : often;
    timer = setTimeout(tell, Math.min(rest * 2 ** failures, 30000));
  }

  // Only what is new is put in: a screen reader says it once, and nothing is taken from under a finger.
  let shown = plain(part);
  function show(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const told = page.body.firstElementChild;
    if (!told) return;
    document.getElementById("has-changed").hidden = told.dataset.version === version();
    if (plain(page.body) === shown) return;
    shown = plain(page.body);
    const focused = part.contains(document.activeElement);
    part.replaceChildren(told);
    if (focused) part.querySelector("button")?.focus();
  }

  function plain(element) {
    return element.textContent.replace(/\s+/g, " ");
  }

  const version = () =>
    document.querySelector("input[type=hidden][name=version]")?.value ?? part.firstElementChild.dataset.version;

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") tell();
  });
  window.addEventListener("pagehide", () => {
    const away = new FormData();
    away.set("away", "1");
    away.set("csrf_token", token());
    navigator.sendBeacon(part.dataset.address, away);
  });
  timer = setTimeout(tell, often);
}
