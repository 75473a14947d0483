'use strict';

/**
 * The backend service manager: the one place that starts and stops the backend, whoever asks.
 *
 * Requests are carried out one after the other. A stop and a forced restart do not wait for what is
 * under way but end it; a restart that was asked for before a stop does not happen after it.
 */

const { EventEmitter } = require('node:events');
const { spawn } = require('node:child_process');
const { BackendError } = require('../failures.js');
const { systemClock } = require('./clock.js');
const { askHealth } = require('./health.js');
const { isFree } = require('./ports.js');
const { Ended, Session } = require('./session.js');

/**
 * Emits `status` with every change, `{status, at, ...}`; docs/reference/desktop.md lists them.
 */
class ServiceManager extends EventEmitter {
  #session;
  #backend;
  #child;
  #queue = Promise.resolve();
  #generation = 0;
  #restart;
  #verifying;
  #closed = false;

  /**
   * @param {object} options
   * @param {() => Promise<import('./locate.js').Place>} options.locate
   * @param {import('./verification.js').Verification} options.verification
   * @param {object} options.settings ports, times, misses, restarts, tokenVariable, health
   * @param {string} options.origin of the window
   * @param {Record<string, string>} options.environment of the backend
   * @param {import('../log.js').Log} options.log
   * @param {import('./clock.js').Clock} [options.clock]
   * @param {typeof spawn} [options.spawn]
   * @param {NodeJS.Platform} [options.platform]
   */
  constructor(options) {
    super();
    this.options = { clock: systemClock, spawn, platform: process.platform, ...options };
    /** The newest status, as it was emitted. */
    this.status = { status: 'stopped', at: this.options.clock.now() };
  }

  /**
   * Where requests go and what they carry, while there is a backend that is ready.
   * @returns {{port: number, token: string} | undefined}
   */
  get access() {
    return this.#backend && { port: this.#backend.port, token: this.#backend.token };
  }

  /** What is known of the runtime; null in development and before it was verified. */
  get runtime() {
    return this.options.verification.runtime;
  }

  /** Start, unless it runs; @returns {Promise<object>} the status once it is ready or has failed */
  start() {
    return this.#enqueue(() => this.#begin());
  }

  /** Stop and start; @returns {Promise<object>} the status afterwards */
  restart() {
    this.#restart ??= this.#enqueue(async () => {
      this.#restart = undefined;
      await this.#end(new Ended());
      return this.#begin();
    });
    return this.#restart;
  }

  /** Restart without waiting for anything under way, nor for the backend to end by itself. */
  forceRestart() {
    this.#session?.end(new Ended(true));
    return this.restart();
  }

  /** Stop; @returns {Promise<object>} the status, when nothing of the backend is left */
  stop() {
    this.#generation += 1;
    this.#restart = undefined;
    this.#session?.end(new Ended());
    const stopped = this.#enqueue(() => this.#end(new Ended()), { always: true });
    return stopped.then(() => {
      if (!this.#session) this.#say('stopped', {});
      return this.status;
    });
  }

  /** Stop for good: whatever is asked for afterwards, nothing is started. */
  close() {
    this.#closed = true;
    return this.stop();
  }

  /** End the backend in a moment in which nothing can be waited for. */
  killNow() {
    this.#closed = true;
    this.#session?.end(new Ended(true));
    this.#child?.killNow();
  }

  /** @returns {Promise<{healthy: boolean, responseTime: number, error?: string}>} */
  async checkHealth() {
    if (!this.#backend) return { healthy: false, responseTime: 0, error: 'it is not running' };
    const { clock, settings } = this.options;
    const timeout = settings.times.healthTimeout;
    const { health } = settings;
    const found = await askHealth({ health, ...this.access, clock, timeout });
    delete found.answer;
    return found;
  }

  /** @param {number} port */
  async checkPort(port) {
    return { port, free: await isFree(port) };
  }

  /**
   * Verify every byte; a runtime that fails is stopped.
   * @returns {Promise<object>} `{verified, ...}`
   */
  verify() {
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined;
    });
    return this.#verifying;
  }

  async #verify() {
    try {
      const place = await this.options.locate();
      if (!place.tree) return { verified: false, error: 'development: nothing to verify' };
      return { verified: true, ...(await this.options.verification.onRequest(place.tree)) };
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      this.#fail(error);
      return { verified: false, ...error.toPayload() };
    }
  }

  #fail(failure) {
    if (this.#session) this.#session.end(failure);
    else this.#say('error', failure.toPayload());
  }

  #enqueue(work, { always = false } = {}) {
    const generation = this.#generation;
    const result = this.#queue.then(async () => {
      if (always || generation === this.#generation) await work();
      return this.status;
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  async #begin() {
    if (this.#closed || this.#session) return;
    const session = new Session({
      ...this.options,
      say: (status, payload) => this.#say(status, payload),
      onBackend: (backend) => {
        this.#backend = backend;
      },
      onChild: (child) => {
        this.#child = child;
      },
    });
    this.#session = session;
    session.done.then(() => {
      if (this.#session === session) this.#session = undefined;
    });
    await session.settled;
  }

  async #end(reason) {
    const session = this.#session;
    session?.end(reason);
    await session?.done;
  }

  #say(status, payload) {
    this.status = { status, at: this.options.clock.now(), ...payload };
    this.emit('status', this.status);
  }
}

module.exports = { ServiceManager };
