'use strict';

/** A clock that goes only when it is told to. */
class FakeClock {
  #time = 0;
  #timers = new Map();
  #next = 1;

  now = () => 1_700_000_000_000 + this.#time;
  elapsed = () => this.#time;

  setTimeout = (f, milliseconds) => {
    this.#timers.set(this.#next, { f, at: this.#time + milliseconds });
    return this.#next++;
  };

  clearTimeout = (timer) => {
    this.#timers.delete(timer);
  };

  /** How many timers wait. */
  get waiting() {
    return this.#timers.size;
  }

  /** Let time pass, and call what is due, in order. */
  advance(milliseconds) {
    const end = this.#time + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end);
      if (!due.length) break;
      const [id, { f, at }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.#timers.delete(id);
      this.#time = Math.max(this.#time, at);
      f();
    }
    this.#time = end;
  }
}

module.exports = { FakeClock };
