// Ticked cases: how many they are, and all of the page at once.

const form = document.getElementById("bulk");

if (form) {
  const boxes = [...form.querySelectorAll("input.tick")];
  const all = form.querySelector("[data-all] input");
  const count = form.querySelector("[data-count]");
  const bar = form.querySelector("details");

  const tell = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    count.textContent = count.dataset.count.replace("{n}", ticked);
    count.hidden = ticked === 0;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    if (ticked) bar.open = true;
  };

  all.closest("[data-all]").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  form.addEventListener("change", (event) => event.target !== all && tell());
  // Enter in a field would press whichever button comes first.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input:not([type=checkbox]), select")) event.preventDefault();
  });
  tell();
}
