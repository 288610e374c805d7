// A text that is being corrected is kept here until it is saved: whatever happens to the page, nothing
// that was typed is lost. Control+S saves; dispatching saves first (see desk.js).

import { bind } from "./keys.js";

const forms = [...document.querySelectorAll("form[data-draft]")];

for (const form of forms) {
  const text = form.elements.text;
  form.dataset.was = text.value;
  restore(form, text);
  text.addEventListener("input", () => keep(form));
  form.addEventListener("submit", () => forget(form));
}

function restore(form, text) {
  const kept = localStorage.getItem(form.dataset.draft);
  if (kept === null) return;
  const { base, value } = JSON.parse(kept);
  if (value === text.value) return forget(form);
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
  if (value === form.dataset.was) return forget(form);
  localStorage.setItem(form.dataset.draft, JSON.stringify({ base: form.elements.base.value, value }));
}

function forget(form) {
  localStorage.removeItem(form.dataset.draft);
}

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
  forget(form);
  form.dataset.was = form.elements.text.value;
  form.elements.base.value = told.base;
  return told;
}

document.addEventListener("before-dispatch", (event) => {
  const changed = forms.filter(isChanged);
  if (changed.length) event.detail.waitFor(oneAfterTheOther(changed));
});

// The case has one version: two texts at a time would overtake each other.
async function oneAfterTheOther(changed) {
  let state;
  for (const form of changed) state = await save(form);
  return state;
}

if (forms.length) {
  const button = forms[0].querySelector("button:not([type])");
  bind("Control+s", button.firstChild.textContent.trim(), () => forms.find(isChanged)?.requestSubmit(), { inText: true });
}
