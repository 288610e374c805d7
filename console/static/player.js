// Click a time in the transcript to hear it; the words being spoken are marked.
// Without this module the times are plain links to the recording.

const times = [...document.querySelectorAll("a.time")];

for (const link of times) {
  link.addEventListener("click", (event) => {
    const player = document.getElementById(link.dataset.player);
    if (!player) return;
    event.preventDefault();
    play(player, Number(link.dataset.start));
  });
}

for (const player of document.querySelectorAll("audio")) {
  const own = times.filter((link) => link.dataset.player === player.id);
  player.addEventListener("timeupdate", () => mark(own, player.currentTime));
}

function play(player, seconds) {
  const start = () => {
    player.currentTime = seconds;
    player.play();
  };
  if (player.readyState > 0) return start();
  player.addEventListener("loadedmetadata", start, { once: true });
  player.load();
}

function mark(links, now) {
  for (const link of links) {
    const spoken = now >= Number(link.dataset.start) && now < Number(link.dataset.end);
    link.parentElement.classList.toggle("spoken", spoken);
  }
}
