// Regions that renew themselves: <div id="…" data-live="<address>" data-live-every="<seconds>">.
//
// The server answers the region's inside (console/live.py), which is morphed in: what has not changed
// stays as it is, with focus, scroll and selection. What the reader has typed or chosen, and what the
// reader has folded open, is not touched.
//
// The slower the server, the more seldom it is asked; a page that nobody looks at asks nothing. Who is
// no longer signed in is sent to the door. When answers stay away, data-live-status says since when.

const PATIENCE = 8_000; // for one answer
const SLOW = 5_000; // an answer that takes longer counts as staying away
const STALE = 10_000; // without a good answer for so long, the reader is told
const LONGEST_PAUSE = 5_000; // between tries while the server does not answer
const PRESSED_PAUSE = 250;
const OVER = new Set([401, 403, 404, 410]);

// GOV.UK Notify's: an answer of 16 ms is asked for again after 1 s, one of 1 s after 7 s.
const backOff = (ms) => Math.max(Math.floor(250 * Math.sqrt(ms)) - 1000, 1000);

class Region {
  constructor(element) {
    this.element = element;
    this.every = Number(element.dataset.liveEvery || 1) * 1000;
    this.status = document.querySelector(`[data-live-status="${CSS.escape(element.id)}"]`);
    this.at = element.dataset.liveAt;
    this.good = performance.now();
    this.failures = 0;
    this.asked = null;
    this.typed = new WeakSet();
    element.addEventListener("input", (event) => this.typed.add(formOf(event.target)));
    element.addEventListener("reset", (event) => this.typed.delete(event.target));
    document.addEventListener("visibilitychange", () => this.look());
    setInterval(() => this.tell(), 1000);
    this.wait(this.every);
  }

  // Somebody looks again, or no longer.
  look() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    this.good = Math.max(this.good, performance.now() - STALE / 2);
    this.refresh();
  }

  wait(pause) {
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => this.refresh(), pause);
  }

  async refresh() {
    if (this.asked !== null) return;
    this.asked = performance.now();
    let pause = Math.min(1000 * 2 ** this.failures, LONGEST_PAUSE);
    try {
      const answer = await fetch(this.element.dataset.live, {
        headers: { "X-Live": this.element.id, "X-Unattended": "1" },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.type === "opaqueredirect" || OVER.has(answer.status)) {
        if (this.leave()) return;
      } else if (answer.ok && answer.headers.has("X-Live")) {
        pause = this.take(await answer.text(), answer.headers.get("X-Live"));
      } else {
        this.failures += 1;
      }
    } catch {
      this.failures += 1;
    } finally {
      this.asked = null;
    }
    this.tell();
    this.wait(pause);
  }

  // What was answered; how long to wait before asking again.
  take(html, at) {
    this.failures = 0;
    this.good = performance.now();
    const took = this.good - this.asked;
    if (this.element.matches(":active")) return PRESSED_PAUSE; // nothing moves away under a finger
    this.at = at;
    this.morph(html);
    return Math.max(this.every, backOff(took));
  }

  // To wherever the page now leads, unless something typed would be lost.
  leave() {
    if (this.holds(this.element)) {
      this.failures += 1;
      return false;
    }
    window.location.reload();
    return true;
  }

  morph(html) {
    Idiomorph.morph(this.element, html, {
      morphStyle: "innerHTML",
      ignoreActiveValue: true,
      callbacks: {
        beforeNodeMorphed: (old) => !this.typed.has(old),
        beforeNodeRemoved: (old) => !this.keep(old),
        beforeAttributeUpdated: (name, node) =>
          name !== "aria-keyshortcuts" && !(name === "open" && node.tagName === "DETAILS"),
      },
    });
    this.element.dispatchEvent(new CustomEvent("live:renewed", { bubbles: true }));
  }

  // What is gone on the server stays, and says so, while something of the reader's is in it: of a list
  // that is gone as a whole, the items that hold something.
  keep(node) {
    if (node.nodeType !== Node.ELEMENT_NODE || !this.holds(node)) return false;
    const items = [...node.querySelectorAll("li[id]")];
    for (const item of items) if (!this.holds(item)) item.remove();
    const left = items.filter((item) => item.isConnected);
    if (left.length) node.querySelector(":scope > h2 .count")?.remove(); // it counts what is no more
    for (const one of left.length ? left : [node]) this.mark(one);
    return true;
  }

  holds(node) {
    const within = [node, ...node.querySelectorAll("form, input, select, textarea")];
    return within.some((one) => this.typed.has(one));
  }

  mark(node) {
    if (node.classList.contains("live-gone")) return;
    node.classList.add("live-gone");
    const told = document.createElement("p");
    told.className = "live-gone-words";
    told.setAttribute("role", "status");
    told.textContent = this.element.dataset.liveGone;
    node.prepend(told);
  }

  tell() {
    if (!this.status) return;
    const now = performance.now();
    const away = this.failures > 0 || (this.asked !== null && now - this.asked > SLOW);
    const stale = away && now - this.good > STALE;
    const words = stale ? this.status.dataset.words.replace("{time}", this.at) : "";
    if (this.status.textContent !== words) this.status.textContent = words;
    this.element.toggleAttribute("data-stale", stale);
  }
}

function formOf(field) {
  return field.closest("form") ?? field;
}

for (const element of document.querySelectorAll("[data-live]")) new Region(element);
