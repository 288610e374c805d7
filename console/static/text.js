// A text that is being corrected is kept here until it is the text that is saved: whatever happens to the
// page, nothing that was typed is lost. Control+S saves; dispatching saves first (see desk.js).

import { bind } from "./keys.js";

const DAYS_KEPT = 7;
const forms = [...document.querySelectorAll("form[data-draft]")];

tidyUp();
for (const form of forms) {
  const text = form.elements.text;
  form.dataset.was = text.value;
  if ("typed" in form.dataset) keep(form);
  else restore(form, text);
  text.addEventListener("input", () => keep(form));
  // Not forgotten here: what was sent may not have arrived. The page that comes next knows.
  form.addEventListener("submit", () => keep(form));
  form.closest("details")?.addEventListener("toggle", ({ target }) => target.open && goToTheDoubt(form));
}

function restore(form, text) {
  const { base, value } = JSON.parse(localStorage.getItem(form.dataset.draft) ?? "{}");
  if (value === undefined) return;
  if (plain(value) === plain(text.value)) return forget(form);
  text.value = value;
  // Made from a text that no longer counts: saved as it stands it is shown beside the one that does.
  form.elements.base.value = base;
  form.closest("details").open = true;
  const note = form.querySelector(".restored");
  note.hidden = false;
  note.querySelector("button").addEventListener("click", () => {
    forget(form);
    location.reload();
  });
}

function keep(form) {
  const value = form.elements.text.value;
  const typed = "typed" in form.dataset;
  if (!typed && value === form.dataset.was) return forget(form);
  const draft = { base: form.elements.base.value, value, at: Date.now() };
  localStorage.setItem(form.dataset.draft, JSON.stringify(draft));
}

function forget(form) {
  localStorage.removeItem(form.dataset.draft);
}

// A text as it is saved: lines without blanks around them.
function plain(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).join("\n");
}

// What nobody came back for is no longer kept on this machine.
function tidyUp() {
  for (const key of Object.keys(localStorage).filter((one) => one.startsWith("draft:"))) {
    const { at = 0 } = JSON.parse(localStorage.getItem(key));
    if (Date.now() - at > DAYS_KEPT * 86_400_000) localStorage.removeItem(key);
  }
}

// --- where to begin ---------------------------------------------------------------------------------

// Who has just heard a doubtful place finds it chosen in the text; else the pen is where the sound is.
let doubt = null;
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(".snippet")) doubt = target;
});

function goToTheDoubt(form) {
  const text = form.elements.text;
  const article = form.closest("article");
  const said = article?.contains(doubt) ? doubt.dataset.said : "";
  const at = said ? text.value.indexOf(said) : -1;
  if (at >= 0) text.setSelectionRange(at, at + said.length);
  else if (text.value === form.dataset.was) goToTheSound(text, article?.querySelector(".u.now"));
}

function goToTheSound(text, unit) {
  const line = unit?.closest("li:not(.aside)");
  if (!line) return;
  const lines = [...line.parentElement.querySelectorAll("li:not(.aside)")];
  const before = lines.slice(0, lines.indexOf(line)).map((one) => one.querySelector(".text").textContent);
  const units = [...line.querySelectorAll(".u")];
  const within = units.slice(0, units.indexOf(unit)).map((one) => one.textContent);
  const at = [...before.map((one) => `${one}\n`), ...within].join("").length;
  text.setSelectionRange(at, at);
}

// --- saving -----------------------------------------------------------------------------------------

function isChanged(form) {
  return form.elements.text.value !== form.dataset.was;
}

async function save(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
  });
  const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  if (!answer.ok) {
    const problem = form.querySelector(".not-saved");
    problem.textContent = told.problem ?? String(answer.status);
    problem.hidden = false;
    throw new Error(told.problem);
  }
  form.dataset.was = form.elements.text.value;
  form.elements.base.value = told.base;
  forget(form);
  return told;
}

document.addEventListener("before-dispatch", (event) => {
  const changed = forms.filter(isChanged);
  if (changed.length) event.detail.waitFor(oneAfterTheOther(changed));
});

// The case has one version: two texts at a time would overtake each other.
async function oneAfterTheOther(changed) {
  let state;
  for (const form of changed) {
    const told = await save(form);
    // Nobody else changed the case in between: to who waits it is one change.
    state = { ...told, was: state && state.version === told.was ? state.was : told.was };
  }
  return state;
}

if (forms.length) {
  const button = forms[0].querySelector("button:not([type])");
  const toSave = () => forms.find((form) => "typed" in form.dataset || isChanged(form));
  bind("Control+s", button.firstChild.textContent.trim(), () => toSave()?.requestSubmit(), { inText: true });
}
