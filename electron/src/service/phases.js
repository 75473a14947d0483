'use strict';

/** How long each phase of a start took. */

/** @typedef {{name: 'verify' | 'port' | 'spawn' | 'listen' | 'health', milliseconds: number}} Phase */

/** A stopwatch with a name for each lap; one that is run twice counts once, with both times. */
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
    const name = this.#begun;
    const took = Math.round(this.clock.elapsed() - this.#since);
    const before = this.done.find((phase) => phase.name === name);
    const milliseconds = took + (before?.milliseconds ?? 0);
    this.done = [...this.done.filter((phase) => phase !== before), { name, milliseconds }];
    this.#begun = undefined;
  }

  /** Milliseconds since the start. */
  get total() {
    return Math.round(this.clock.elapsed() - this.started);
  }
}

module.exports = { Phases };
