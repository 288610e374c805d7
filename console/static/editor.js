// Line numbers beside a text, and the way from a fault to its line.

const text = document.getElementById("text");
const gutter = document.getElementById("gutter");

function number() {
  const lines = text.value.split("\n").length;
  if (gutter.childElementCount === lines) return;
  gutter.replaceChildren(...Array.from({ length: lines }, (_, at) => {
    const line = document.createElement("span");
    line.textContent = at + 1;
    return line;
  }));
}

function follow() {
  gutter.scrollTop = text.scrollTop;
}

function goTo(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(text).lineHeight);
  text.scrollTop = Math.max(0, (line - 6) * height);
  follow();
}

if (text && gutter) {
  number();
  text.addEventListener("input", number);
  text.addEventListener("scroll", follow);
  for (const link of document.querySelectorAll("a[data-line]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(Number(link.dataset.line));
    });
  }
}
