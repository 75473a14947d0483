'use strict';

/** One start of the backend, from the check of its files to its first healthy answer. */

const crypto = require('node:crypto');
const { BackendError } = require('../failures.js');
const { startChild } = require('./child.js');
const { delay, unlessAborted } = require('./clock.js');
const { startFailure } = require('./exits.js');
const { askHealth } = require('./health.js');
const { Phases } = require('./phases.js');
const { HOST, pickPort } = require('./ports.js');

/** What only the line that says ready contains. */
const READY_MARK = '"event": "ready"';

/**
 * A backend that answers.
 * @typedef {object} Backend
 * @property {import('./child.js').Child} child
 * @property {number} port
 * @property {number} pid of the process that serves; on Windows not that of the launcher
 * @property {string} token that requests to it carry
 * @property {import('./phases.js').Phase[]} phases
 * @property {number} startupTime milliseconds
 * @property {number} readyAt of `clock.elapsed`
 */

/**
 * Start the backend and wait until it answers; a port that is lost to another program is replaced
 * by the next one. Whatever goes wrong, nothing is left running.
 * @param {object} context
 * @param {import('./locate.js').Place} context.place
 * @param {() => Promise<void>} context.verify before anything is started
 * @param {readonly number[]} context.ports
 * @param {string} context.origin of the window
 * @param {string} context.tokenVariable
 * @param {object} context.health of the settings
 * @param {Record<string, string>} context.environment
 * @param {object} context.times of the settings
 * @param {import('./clock.js').Clock} context.clock
 * @param {import('../log.js').Log} context.log
 * @param {typeof import('node:child_process').spawn} context.spawn
 * @param {NodeJS.Platform} context.platform
 * @param {(phase: string, done: object[]) => void} context.onPhase
 * @param {(child: import('./child.js').Child) => void} context.onChild as soon as there is one
 * @param {AbortSignal} signal its reason is thrown
 * @returns {Promise<Backend>}
 * @throws {BackendError}
 */
async function launch(context, signal) {
  const { clock, ports, verify, onPhase } = context;
  const phases = new Phases(clock, onPhase);
  phases.begin('verify');
  await unlessAborted(verify(), signal);
  for (const tried = new Set(); ;) {
    phases.begin('port');
    const port = await unlessAborted(pickPort(ports, tried), signal);
    try {
      return await startAt(port, phases, context, signal);
    } catch (error) {
      if (signal.aborted || error.code !== 'PORT_IN_USE' || ports.length === 1) throw error;
      context.log.warning(`${error.message}: trying the next one`);
      tried.add(port);
    }
  }
}

async function startAt(port, phases, context, signal) {
  const { clock, times } = context;
  const token = crypto.randomBytes(32).toString('hex');
  const announced = new Announcement();
  phases.begin('spawn');
  const child = await startChild(processOptions(port, token, announced, context));
  context.onChild(child);
  const limit = new AbortController();
  const timer = clock.setTimeout(
    () => limit.abort(tooLate(child, phases, times)),
    times.startLimit,
  );
  const follow = () => limit.abort(signal.reason);
  signal.addEventListener('abort', follow, { once: true });
  if (signal.aborted) follow();
  try {
    const failed = child.finished.then((exit) => {
      throw startFailure(exit, child.tail, port);
    });
    failed.catch(() => {});
    phases.begin('listen');
    const race = Promise.race([announced.ready, failed]);
    const { pid } = requireOurs(await unlessAborted(race, limit.signal), port, child, context);
    phases.begin('health');
    const healthy = firstHealthy({ port, token }, context, limit.signal);
    await unlessAborted(Promise.race([healthy, failed]), limit.signal);
    phases.end();
    return { child, port, pid, token, phases: phases.done, ...timesOf(phases, clock) };
  } catch (error) {
    await child.stop(signal.reason?.force ? 0 : times.stopGrace);
    throw error;
  } finally {
    limit.abort(signal.reason ?? new Error('over'));
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
}

function timesOf(phases, clock) {
  return { startupTime: phases.total, readyAt: clock.elapsed() };
}

function tooLate(child, phases, { startLimit }) {
  const message = `the engine was not ready after ${startLimit / 1000} s`;
  return new BackendError('START_TIMEOUT', message, { phases: phases.done, output: child.tail });
}

function processOptions(port, token, announced, context) {
  const { place, origin, tokenVariable, environment, clock, log, spawn, platform } = context;
  const service = ['--host', HOST, '--port', String(port), '--origin', origin];
  return {
    command: place.command,
    args: [...place.args, ...service, ...place.lifeline],
    environment: { ...environment, [tokenVariable]: token },
    group: place.mode === 'development',
    platform,
    spawn,
    clock,
    secret: token,
    wanted: READY_MARK,
    onDropped: (lines) => log.drop(lines),
    onLine: (stream, text) => {
      log.add(stream, text, levelOf(text));
      if (stream === 'stdout') announced.read(text);
    },
  };
}

/** The level of a line of the backend's own log, such as `2026-01-01 12:00:00,000 INFO name: ...`. */
function levelOf(text) {
  const level = /^[\d-]+ [\d:,]+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) /.exec(text)?.[1];
  return level === 'CRITICAL' ? 'error' : level?.toLowerCase();
}

/** The one line in which the backend says that it answers. */
class Announcement {
  #resolve;

  constructor() {
    this.ready = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  read(text) {
    if (!text.includes(READY_MARK)) return;
    try {
      const said = JSON.parse(text);
      if (said.event === 'ready') this.#resolve(said);
    } catch {
      // only looks like it
    }
  }
}

/** On Unix the launcher becomes the interpreter, so that the process is the one we started. */
function requireOurs(said, port, child, { platform }) {
  const ours = platform === 'win32' ? Number.isInteger(said.pid) : said.pid === child.pid;
  if (said.port === port && ours) return said;
  const message = `the engine says port ${said.port} and process ${said.pid}, expected port ${port} and process ${child.pid}`;
  throw new BackendError('PROCESS_START_FAILED', message, { output: child.tail });
}

async function firstHealthy({ port, token }, { health, clock, times }, signal) {
  for (;;) {
    const timeout = times.healthTimeout;
    const answer = await askHealth({ health, port, token, timeout, clock, signal });
    if (answer.healthy) return answer;
    await delay(clock, times.startPoll, signal);
  }
}

module.exports = { launch };
