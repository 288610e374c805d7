// A template goes to where the caret is. Without this module the button sends the form back with the text in it.

// An Enter in another field must press the form's own button, not this one.
for (const button of document.querySelectorAll("[data-ready-for] button")) button.type = "button";

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("textarea")) target.dataset.visited = "";
});

document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-ready-for] button")?.parentElement;
  if (!box) return;
  event.preventDefault();
  const text = box.querySelector("select").selectedOptions[0]?.dataset.text;
  const field = document.getElementById(box.dataset.readyFor);
  if (text && field) insert(field, text);
});

// Who has not been in the field yet means its end.
function insert(field, text) {
  const [from, to] = "visited" in field.dataset
    ? [field.selectionStart, field.selectionEnd]
    : [field.value.length, field.value.length];
  field.setRangeText(text, from, to, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
