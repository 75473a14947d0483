'use strict';

/**
 * The first starts of a new version: it is on trial until its runtime was verified in full and
 * answered. Only then does the version before it go. If the runtime fails first, the version before
 * is put in place again and started, and says so.
 */

/** Failures that are the machine's and would befall the version before as well. */
const NOT_ITS_FAULT = new Set(['PORT_IN_USE', 'NO_AVAILABLE_PORTS', 'PYTHON_NOT_FOUND']);
const ONGOING = new Set(['pending', 'started', 'left', 'failed']);

/**
 * What a start finds.
 * @param {import('./state.js').State | undefined} state
 * @param {{version: string, target?: string}} here this version, and its AppImage on Linux
 * @returns {'nothing' | 'trial' | 'put-back' | 'not-installed'} `not-installed`: the update was cut
 *   off before it was in place
 */
function standing(state, { version, target }) {
  if (!state) return 'nothing';
  if (ONGOING.has(state.phase) && state.to === version && state.target === target) return 'trial';
  if (state.from !== version) return 'nothing';
  if (state.phase === 'put-back' || state.phase === 'failed') return 'put-back';
  return ONGOING.has(state.phase) ? 'not-installed' : 'nothing';
}

/** One new version's trial. */
class Trial {
  #settled = false;

  /**
   * @param {object} parts
   * @param {import('./state.js').State} parts.state
   * @param {(state: object) => void} parts.write keeps the state
   * @param {{verify: () => Promise<object>}} parts.service
   * @param {object} parts.files of exchange.js
   * @param {object} parts.log
   * @param {(target: string) => Promise<void>} parts.startAgain starts a file and quits this app
   */
  constructor({ state, write, service, files, log, startAgain }) {
    Object.assign(this, { state, write, service, files, log, startAgain });
  }

  /** Say that the new version's own code runs. */
  begin() {
    this.#note('started', { pid: process.pid });
    this.log.info(
      `updated ${this.state.from} -> ${this.state.to}; its runtime is yet to be proven`,
    );
  }

  /**
   * To be told of every backend-status.
   * @param {object} payload
   */
  async onStatus(payload) {
    if (this.#settled) return;
    if (payload.status === 'ready' || payload.status === 'healthy') await this.#prove();
    else if (payload.status === 'failed' || payload.status === 'error') await this.#judge(payload);
  }

  /** To be told when the app is quit in good order: nothing is proven, and nothing failed. */
  onQuit() {
    if (!this.#settled) this.#note('left');
    this.#settled = true;
  }

  async #prove() {
    this.proving ??= this.service.verify();
    const answer = await this.proving;
    if (this.#settled) return;
    if (!answer.verified) {
      await this.#fail(answer);
      return;
    }
    this.#settled = true;
    this.#note('confirmed');
    if (this.state.target) this.files.clean(this.state.target);
    this.log.info(`updated ${this.state.from} -> ${this.state.to}: runtime verified and healthy`);
  }

  async #judge(payload) {
    if (NOT_ITS_FAULT.has(payload.code)) return;
    await this.#fail(payload);
  }

  async #fail({ code, error }) {
    if (this.#settled) return;
    this.#settled = true;
    const { from, to, target } = this.state;
    const reason = `${to} failed on its first start: ${error} (${code})`;
    if (!target || !this.files.putBack(target)) {
      this.#note('failed', { reason });
      this.log.error(`${reason}; there is no ${from} to go back to`);
      return;
    }
    this.#note('put-back', { reason });
    this.log.error(`${reason}; ${from} is in place again`);
    await this.startAgain(target);
  }

  #note(phase, more = {}) {
    this.state = { ...this.state, ...more, phase, at: Date.now() };
    this.write(this.state);
  }
}

module.exports = { Trial, standing };
