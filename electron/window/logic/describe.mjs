/** The state in words: the header's title and line, its button, what a screen reader is told. */

import { cleanText } from './clean-text.mjs';
import { duration, seconds } from './format.mjs';

/** Until the next attempt, unless main says another `delay`: the contract's 2 s. */
const RESTART_DELAY = 2000;

/** The phases of a start in their order, as main names them, and in words. */
export const PHASES = Object.freeze({
  verify: 'Verify the runtime',
  port: 'Choose a port',
  spawn: 'Start the process',
  listen: 'Wait for its port',
  health: 'Check its health',
});

/**
 * @typedef {object} Headline
 * @property {'idle' | 'busy' | 'good' | 'warn' | 'bad'} tone
 * @property {string} title
 * @property {string} line
 * @property {string} said for the screen reader; said again only when it changes
 * @property {{label: string, channel: string, confirm: boolean} | null} button
 */

const RESTART = { label: 'Restart', channel: 'backend-restart', confirm: true };
const AGAIN = { label: 'Start again', channel: 'backend-force-restart', confirm: false };
const NOW = { label: 'Restart now', channel: 'backend-force-restart', confirm: false };
const START = { label: 'Start', channel: 'backend-restart', confirm: false };

const HEADLINES = {
  unknown: () => ({
    tone: 'busy',
    title: 'Connecting',
    line: 'Asking the app how the engine is.',
    said: '',
    button: null,
  }),
  starting: ({ backend, startedAt }, now) => ({
    tone: 'busy',
    title: 'Starting',
    line: `${phaseName(backend.phase)} · ${duration(Math.max(0, now - startedAt))}`,
    said: 'The engine is starting.',
    button: AGAIN,
  }),
  ready: running,
  healthy: running,
  unhealthy: ({ backend }) => ({
    tone: 'warn',
    title: 'Not answering',
    line: `${backend.misses} of ${backend.limit} checks missed. ${firstLine(backend.error)}`.trim(),
    said: 'The engine does not answer.',
    button: RESTART,
  }),
  restarting: ({ backend }, now) => ({
    tone: 'warn',
    title: restartTitle(backend, now),
    line: `Attempt ${backend.attempt} of ${backend.maxAttempts}. ${firstLine(backend.error)}`.trim(),
    said: `The engine ended. Restart ${backend.attempt} of ${backend.maxAttempts}.`,
    button: NOW,
  }),
  error: broken,
  failed: broken,
  stopped: () => ({
    tone: 'idle',
    title: 'Stopped',
    line: 'The engine is not running.',
    said: 'The engine is stopped.',
    button: START,
  }),
};

/**
 * The header's words.
 * @param {import('./state.mjs').State} state
 * @param {number} now milliseconds since 1970
 * @returns {Headline}
 */
export function headline(state, now) {
  return HEADLINES[state.backend.status](state, now);
}

/** Whether the words change with time alone, and how soon: milliseconds, or nothing. */
export function tick({ backend }) {
  if (backend.status === 'starting' || backend.status === 'restarting') return 100;
  return backend.status === 'unknown' ? undefined : 1000;
}

function running({ run }, now) {
  const where = run.mode === 'development' ? 'Development mode · port' : 'Port';
  return {
    tone: 'good',
    title: 'Ready',
    line: `${where} ${run.port} · up ${seconds(Math.max(0, now - run.upSince) / 1000)}`,
    said: `The engine is ready on port ${run.port}.`,
    button: RESTART,
  };
}

function broken({ backend }) {
  const last = backend.status === 'failed' && backend.attempts > 0;
  return {
    tone: 'bad',
    title: 'Not running',
    line: last ? `Given up after ${backend.attempts} restarts.` : 'See below what happened.',
    said: '', // the card is an alert and speaks for itself
    button: null,
  };
}

function restartTitle({ at, delay = RESTART_DELAY }, now) {
  const left = Math.ceil((at + delay - now) / 1000);
  return left > 0 ? `Restarting in ${left} s` : 'Restarting';
}

/** A phase in words, also one that this window does not know. */
export function phaseName(name) {
  return PHASES[name] ?? cleanText(name, 60);
}

function firstLine(text) {
  return cleanText(text, 300).split('\n')[0];
}

/**
 * @typedef {object} PhaseRow
 * @property {string} name
 * @property {string} label
 * @property {'done' | 'active' | 'waiting' | 'skipped'} state
 * @property {number} offset milliseconds after the start
 * @property {number} milliseconds
 */

/**
 * The phases of the start that goes on, or of the one that led to the process that runs.
 * @param {import('./state.mjs').State} state
 * @param {number} now milliseconds since 1970
 * @returns {{rows: PhaseRow[], total: number | null}} `total` in milliseconds, nothing if unknown
 */
export function startUp({ backend, run, startedAt }, now) {
  const starting = backend.status === 'starting';
  const phases = (starting ? backend.phases : run?.phases) ?? [];
  const times = new Map(phases.map((phase) => [phase.name, phase.milliseconds]));
  const spent = phases.reduce((sum, phase) => sum + phase.milliseconds, 0);
  const names = [...new Set([...Object.keys(PHASES), ...times.keys()])];
  const current = starting ? names.indexOf(backend.phase) : names.length;
  const elapsed = starting ? Math.max(spent, now - startedAt) : spent;
  let offset = 0;
  const rows = names.map((name, place) => {
    const row = { name, label: phaseName(name), offset, milliseconds: times.get(name) ?? 0 };
    offset += row.milliseconds;
    if (times.has(name)) return { ...row, state: 'done' };
    if (place === current) return { ...row, state: 'active', milliseconds: elapsed - spent };
    return { ...row, state: place < current && phases.length > 0 ? 'skipped' : 'waiting' };
  });
  const known = starting || phases.length > 0;
  return { rows, total: starting ? elapsed : known ? (run.startupTime ?? spent) : null };
}
