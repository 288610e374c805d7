// Charts of the rates by month, drawn from the cells of the table below them: one for each column, with a line
// for each interval. Nothing moves. Without this script the table is there.

const PLAIN = "#55606e";
const LINE = "#0b4a6f";
const GRID = "#d5dbe2";

/** The upright lines of the intervals, with their caps. */
const intervals = {
  id: "intervals",
  beforeDatasetsDraw(chart) {
    const { ctx, scales } = chart;
    const data = chart.data.datasets[0];
    ctx.save();
    ctx.strokeStyle = PLAIN;
    ctx.lineWidth = 1.5;
    data.spans.forEach((span, place) => {
      if (!span) return;
      const x = scales.x.getPixelForValue(place);
      const [low, high] = span.map((value) => scales.y.getPixelForValue(value));
      ctx.beginPath();
      ctx.moveTo(x, low);
      ctx.lineTo(x, high);
      for (const end of [low, high]) {
        ctx.moveTo(x - 4, end);
        ctx.lineTo(x + 4, end);
      }
      ctx.stroke();
    });
    ctx.restore();
  },
};

/** A column of the table: what it says month by month; null where it has no data. */
function column(table, place) {
  const rows = [...table.tBodies[0].rows];
  const cells = rows.map((row) => row.cells[place]);
  const figure = (text) => (text === undefined ? null : Number(text));
  return {
    months: rows.map((row) => row.cells[0].textContent.trim()),
    shares: cells.map((cell) => figure(cell.dataset.share)),
    spans: cells.map(({ dataset }) => (dataset.low === undefined ? null : [Number(dataset.low), Number(dataset.high)])),
    words: cells.map((cell) => cell.textContent.replace(/\s+/g, " ").trim()),
  };
}

function settings(told) {
  const ticks = { color: PLAIN };
  return {
    type: "line",
    data: {
      labels: told.months,
      datasets: [
        {
          data: told.shares,
          spans: told.spans,
          borderColor: LINE,
          backgroundColor: LINE,
          borderWidth: 2,
          pointRadius: 4,
          pointHoverRadius: 6,
          spanGaps: false,
          clip: 8, // a point at 100 is whole
        },
      ],
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      locale: document.documentElement.lang,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { ticks: { ...ticks, maxRotation: 60, autoSkipPadding: 8 }, grid: { display: false }, border: { color: PLAIN } },
        y: { min: 0, max: 100, ticks: { ...ticks, stepSize: 25 }, grid: { color: GRID }, border: { color: PLAIN } },
      },
      plugins: {
        legend: { display: false },
        tooltip: { displayColors: false, callbacks: { label: (item) => told.words[item.dataIndex] } },
      },
    },
    plugins: [intervals],
  };
}

function draw(table, head) {
  const told = column(table, head.cellIndex);
  if (told.shares.every((share) => share === null)) return null;
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const frame = document.createElement("div");
  const canvas = document.createElement("canvas");
  caption.textContent = head.textContent.trim();
  frame.className = "frame";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", head.dataset.label);
  canvas.dataset.chart = head.dataset.chart;
  frame.append(canvas);
  figure.append(caption, frame);
  return { figure, canvas, told };
}

function drawAll(box) {
  const table = document.getElementById(box.dataset.charts);
  const drawn = [...table.querySelectorAll("th[data-chart]")].map((head) => draw(table, head)).filter(Boolean);
  box.append(...drawn.map(({ figure }) => figure));
  box.hidden = drawn.length === 0;
  const charts = drawn.map(({ canvas, told }) => new window.Chart(canvas, settings(told)));
  // Paper is as wide as it is: the charts are drawn for it, and for the screen again.
  window.addEventListener("beforeprint", () => charts.forEach((chart) => chart.resize(300, 160)));
  window.addEventListener("afterprint", () => charts.forEach((chart) => chart.resize()));
}

if (window.Chart) {
  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll("[data-charts]").forEach(drawAll);
}
