'use strict';

/** How long each phase of a start took. */

/** @typedef {{name: 'verify' | 'port' | 'spawn' | 'listen' | 'health', milliseconds: number}} Phase */

/** A stopwatch with a name for each lap. */
class Phases {
  #begun;
  #since;

  /**
   * @param {import('./clock.js').Clock} clock
   * @param {(phase: string, done: Phase[]) => void} onPhase called as each one begins
   */
  constructor(clock, onPhase) {
    this.clock = clock;
    this.onPhase = onPhase;
    /** @type {Phase[]} */
    this.done = [];
    this.started = clock.elapsed();
  }

  /** @param {Phase['name']} name ends the one before */
  begin(name) {
    this.end();
    this.#begun = name;
    this.#since = this.clock.elapsed();
    this.onPhase(name, [...this.done]);
  }

  /** The last one is over. */
  end() {
    if (!this.#begun) return;
    const milliseconds = Math.round(this.clock.elapsed() - this.#since);
    this.done = [...this.done, { name: this.#begun, milliseconds }];
    this.#begun = undefined;
  }

  /** Milliseconds since the start. */
  get total() {
    return Math.round(this.clock.elapsed() - this.started);
  }

  /** For the log. */
  toString() {
    return this.done.map(({ name, milliseconds }) => `${name} ${milliseconds} ms`).join(', ');
  }
}

module.exports = { Phases };
