/** All that the window shows, as one value, and how what main says changes it. No document here. */

import { cleanText } from './clean-text.mjs';
import { withCheck } from './history.mjs';
import { UNKNOWN, reduceUpdate } from './updates.mjs';

/**
 * @typedef {object} Run the process that answers now
 * @property {number} port
 * @property {number} pid
 * @property {{name: string, milliseconds: number}[]} [phases] of its start, if it was seen
 * @property {number} [startupTime] milliseconds
 * @property {'packaged' | 'development'} [mode]
 * @property {object | null} [runtime] `{product, version, epoch, platform, tree, purpose, level,
 *   checked}`
 * @property {number} upSince milliseconds since 1970
 */

/**
 * @typedef {object} State
 * @property {object} backend the newest `backend-status`, `{status: 'unknown', at: 0}` before it
 * @property {Run | null} run
 * @property {object | null} start that goes on or failed: `{phase, phases, began}`, `began` in
 *   milliseconds since 1970
 * @property {import('./history.mjs').Check[]} checks
 * @property {object} verification `{status: 'idle' | 'running' | 'verified' | 'failed', ...}`
 * @property {import('./updates.mjs').Update} update
 * @property {object | null} app what `get-app-version` answered
 */

/** Before main said anything. @type {Readonly<State>} */
export const INITIAL = Object.freeze({
  backend: { status: 'unknown', at: 0 },
  run: null,
  start: null,
  checks: [],
  verification: { status: 'idle' },
  update: UNKNOWN,
  app: null,
});

const STATUSES = {
  starting: (state, payload) => ({
    run: null,
    start: {
      phase: payload.phase,
      phases: payload.phases ?? [],
      began: state.backend.status === 'starting' ? state.start.began : startOf(payload),
    },
  }),
  ready: (state, payload) => ({ run: { ...pick(payload), upSince: payload.at }, start: null }),
  healthy: (state, payload) => ({
    run: { ...sameProcess(state.run, payload), ...pick(payload), upSince: since(payload) },
    start: null,
    checks: withCheck(state.checks, {
      at: payload.at,
      healthy: true,
      responseTime: payload.responseTime,
    }),
  }),
  unhealthy: (state, payload) => ({
    checks: withCheck(state.checks, { at: payload.at, healthy: false, error: payload.error }),
  }),
  // What is known of a start stays, to show how far it came.
  restarting: () => ({ run: null }),
  error: () => ({ run: null }),
  failed: () => ({ run: null }),
  stopped: () => ({ run: null, start: null }),
};

const EVENTS = {
  'backend-status': readBackend,
  // An answer may arrive after a push that is newer. (Pushes come in order, and count also when
  // the system's clock was set back.)
  'backend-answered': (state, payload) =>
    payload.at > state.backend.at ? readBackend(state, payload) : {},
  'backend-verify-progress': ({ verification }, { done, total }) =>
    verification.status === 'running' ? { verification: { ...verification, done, total } } : {},
  'verify-started': (state, payload, now) => ({ verification: { status: 'running', at: now } }),
  'verify-answered': (state, payload, now) => ({
    verification: { ...payload, status: payload.verified ? 'verified' : 'failed', at: now },
  }),
  'verify-broken': () => ({ verification: { status: 'idle' } }),
  'health-answered': (state, payload, now) => ({
    checks: withCheck(state.checks, { at: now, ...payload, error: cleanText(payload.error) }),
  }),
  'app-answered': (state, payload) => ({ app: payload }),
};

/**
 * The state after an event.
 * @param {State} state
 * @param {string} event a pushed channel, or one of the answers in EVENTS
 * @param {object} payload
 * @param {number} now milliseconds since 1970
 * @returns {State}
 */
export function reduce(state, event, payload, now) {
  if (event.startsWith('update-')) {
    return { ...state, update: reduceUpdate(state.update, event, payload ?? {}, now) };
  }
  if (!Object.hasOwn(EVENTS, event) || !payload) return state;
  return { ...state, ...EVENTS[event](state, payload, now) };
}

function readBackend(state, payload) {
  if (!Object.hasOwn(STATUSES, payload.status)) return {};
  const news = STATUSES[payload.status](state, payload);
  // A new start may be of a repaired installation, and what was said of the old one is over.
  const over = payload.status === 'starting' && state.backend.status !== 'starting';
  return over && state.verification.status === 'failed'
    ? { backend: payload, ...news, verification: { status: 'idle' } }
    : { backend: payload, ...news };
}

function startOf({ at, phases = [] }) {
  return at - phases.reduce((sum, phase) => sum + phase.milliseconds, 0);
}

function since({ at, uptimeSeconds }) {
  return at - 1000 * uptimeSeconds;
}

function sameProcess(run, { pid }) {
  return run?.pid === pid ? run : {};
}

/** What of a payload is the process's; fields it leaves out leave what is known. */
function pick(payload) {
  const names = ['port', 'pid', 'phases', 'startupTime', 'mode', 'runtime'];
  return Object.fromEntries(
    names.filter((name) => payload[name] !== undefined).map((name) => [name, payload[name]]),
  );
}
