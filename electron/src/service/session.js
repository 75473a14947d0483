'use strict';

/** A backend kept running: started, watched, started again, until it is told to stop or gives up. */

const { BackendError } = require('../failures.js');
const { delay } = require('./clock.js');
const { launch } = require('./launch.js');
const { attemptsAfter, decide } = require('./restarts.js');
const { watch } = require('./watch.js');

/** Why a session is to end; `force` leaves the backend no time. */
class Ended extends Error {
  constructor(force = false) {
    super('ended');
    this.force = force;
  }
}

/** One session; it is over when `done` is. */
class Session {
  #context;
  #stop = new AbortController();
  #settle;

  /**
   * @param {object} context
   * @param {() => Promise<import('./locate.js').Place>} context.locate
   * @param {import('./verification.js').Verification} context.verification
   * @param {object} context.settings
   * @param {(status: string, payload: object) => void} context.say
   * @param {(backend: import('./launch.js').Backend | undefined) => void} context.onBackend
   */
  constructor(context) {
    this.#context = context;
    /** Once it is ready for the first time, or over. */
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    /** @type {Promise<void>} never rejects */
    this.done = this.#run().finally(this.#settle);
  }

  /** @param {Ended | BackendError} reason an error is what the window is told then */
  end(reason) {
    this.#stop.abort(reason);
  }

  async #run() {
    const { say, settings, clock, log } = this.#context;
    const history = { everReady: false, attempts: 0 };
    try {
      for (;;) {
        const failure = await this.#once(history);
        const verdict = decide(failure, history, settings.restarts);
        if (verdict.then !== 'restart') return this.#giveUp(verdict, history.attempts);
        history.attempts = verdict.attempt;
        say('restarting', {
          attempt: verdict.attempt,
          maxAttempts: settings.restarts,
          error: failure.message,
          code: failure.code,
          delay: settings.times.beforeRestart,
        });
        await delay(clock, settings.times.beforeRestart, this.#stop.signal);
      }
    } catch (error) {
      if (error instanceof Ended) return;
      say('error', (error instanceof BackendError ? error : bug(error, log)).toPayload());
    }
  }

  #giveUp({ then, failure }, attempts) {
    const { say, log } = this.#context;
    log.error(`${failure.code}: ${failure.message}`);
    say(then, { ...failure.toPayload(), ...(then === 'failed' && { attempts }) });
  }

  /** One run from start to end; @returns {Promise<BackendError>} how it failed */
  async #once(history) {
    const { clock, settings, log, onBackend } = this.#context;
    const { signal } = this.#stop;
    let backend;
    try {
      const place = await this.#place();
      backend = await launch(this.#launchContext(place), signal);
      history.everReady = true;
      this.#ready(backend, place);
      const failure = await watch(backend, this.#watchContext(backend), signal);
      const lasted = clock.elapsed() - backend.readyAt;
      history.attempts = attemptsAfter(history.attempts, lasted, settings.times.stable);
      log.error(failure.message);
      return failure;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return error instanceof BackendError ? error : bug(error, log);
    } finally {
      onBackend(undefined);
      await backend?.child.stop(signal.reason?.force ? 0 : settings.times.stopGrace);
    }
  }

  async #place() {
    const place = await this.#context.locate();
    const { log } = this.#context;
    log.info(`backend: ${place.path} (${place.mode})`);
    if (place.python) log.info(`Python ${place.python}: ${place.command}`);
    if (!place.tree) log.warning('development: the backend is not verified');
    return place;
  }

  #launchContext(place) {
    const { settings, say, verification, ...rest } = this.#context;
    return {
      ...rest,
      place,
      ports: settings.ports,
      times: settings.times,
      tokenVariable: settings.tokenVariable,
      health: settings.health,
      verify: async () => place.tree && verification.beforeStart(place.tree),
      onPhase: (phase, phases) =>
        say('starting', { phase, phases, mode: place.mode, path: place.path }),
    };
  }

  #watchContext(backend) {
    const { settings, clock, say, log, verification } = this.#context;
    return {
      clock,
      times: settings.times,
      misses: settings.misses,
      health: settings.health,
      onMiss: (miss) => {
        log.warning(`health check ${miss.misses} of ${miss.limit} missed: ${miss.error}`);
        say('unhealthy', miss);
      },
      onHealthy: ({ responseTime }) => {
        const uptimeSeconds = Math.round((clock.elapsed() - backend.readyAt) / 1000);
        const { port, pid } = backend;
        say('healthy', { port, pid, uptimeSeconds, responseTime, runtime: verification.runtime });
      },
    };
  }

  #ready(backend, place) {
    const { say, log, settings, verification, onBackend } = this.#context;
    const { port, pid, phases, startupTime } = backend;
    const times = phases.map(({ name, milliseconds }) => `${name} ${milliseconds} ms`).join(', ');
    const text = `ready on port ${port}, process ${pid}, after ${startupTime} ms (${times})`;
    const slow = startupTime > settings.times.slowStart[place.mode];
    if (slow) log.warning(`slow start: ${text}`);
    else log.info(text);
    onBackend(backend);
    const startupSeconds = startupTime / 1000;
    const runtime = place.tree ? verification.runtime : null;
    say('ready', { port, pid, startupTime, startupSeconds, phases, mode: place.mode, runtime });
    this.#settle();
    if (place.tree) verification.afterStart(place.tree).catch((failure) => this.end(failure));
  }
}

function bug(error, log) {
  log.error(error.stack ?? String(error));
  return new BackendError('PROCESS_START_FAILED', error.message, { hopeless: true });
}

module.exports = { Ended, Session };
