// Waiting that a hang-up or a key ends.

export class Ended extends Error {}

// Resolves after so many milliseconds, or at once when the signal is given.
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}

// How long a voice takes for a text, roughly: for captions without one, and to see that one is stuck.
export function secondsToSay(text) {
  const chinese = (text.match(/[\u4e00-\u9fff]/g) || []).length;
  const letters = text.replace(/[\u4e00-\u9fff\s，。、！？：；「」“”]/g, "").length;
  return Math.max(0.8, chinese / 4.5 + letters / 15);
}
