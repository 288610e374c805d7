// The problems that stand first, drawn from the rows of the table below: this month beside what a month before had.
// Nothing moves. Without this script the table is there.

const PLAIN = "#55606e";
const NOW = "#0b4a6f";
const BEFORE = "#a9b8c6";
const GRID = "#d5dbe2";
const MOST = 10;
const ROW = 46;

/** A name that fits beside its bars, in at most three lines; the whole name is in the table and in the tip. */
function lines(name, narrow) {
  const most = narrow ? 9 : 26;
  return name.split(" · ").map((part) => (part.length > most ? `${part.slice(0, most - 1)}…` : part));
}

function told(table) {
  const rows = [...table.tBodies[0].rows].slice(0, MOST);
  const number = (text) => (text === undefined ? null : Number(text));
  return {
    names: rows.map((row) => row.dataset.name),
    sets: [...table.querySelectorAll("th[data-chart]")].map((head) => ({
      label: head.textContent.trim(),
      data: rows.map((row) => number(row.dataset[head.dataset.chart])),
    })),
  };
}

function settings({ names, sets }, narrow) {
  const colours = [NOW, BEFORE];
  const ticks = { color: PLAIN };
  return {
    type: "bar",
    data: {
      labels: names.map((name) => lines(name, narrow)),
      datasets: sets.map((set, place) => ({ ...set, backgroundColor: colours[place], borderColor: PLAIN, borderWidth: place })),
    },
    options: {
      indexAxis: "y",
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      locale: document.documentElement.lang,
      scales: {
        x: { beginAtZero: true, ticks: { ...ticks, precision: 0 }, grid: { color: GRID }, border: { color: PLAIN } },
        y: { ticks: { ...ticks, autoSkip: false, font: { size: 11 } }, grid: { display: false }, border: { color: PLAIN } },
      },
      plugins: {
        legend: { position: "bottom", labels: { color: PLAIN } },
        tooltip: { callbacks: { title: ([item]) => names[item.dataIndex] } },
      },
    },
  };
}

function draw(box) {
  const table = document.getElementById(box.dataset.chartOf);
  const what = told(table);
  const frame = document.createElement("div");
  const canvas = document.createElement("canvas");
  const narrow = window.innerWidth < 768;
  frame.className = "frame";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", box.dataset.label);
  frame.append(canvas);
  box.append(frame);
  box.hidden = false;
  frame.style.height = `${what.names.length * ROW + 80}px`;
  const chart = new window.Chart(canvas, settings(what, narrow));
  window.addEventListener("beforeprint", () => chart.resize(640, what.names.length * ROW + 80));
  window.addEventListener("afterprint", () => chart.resize());
}

if (window.Chart) {
  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll("[data-chart-of]").forEach(draw);
}
