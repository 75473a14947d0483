/** The phases of a start as rows: which are done, which goes on or failed, how long each took. */

import { PHASES, phaseWords } from './describe.mjs';

/**
 * @typedef {object} PhaseRow
 * @property {string} name
 * @property {string} label
 * @property {'done' | 'active' | 'failed' | 'waiting' | 'skipped'} state
 * @property {number} offset milliseconds after the start
 * @property {number} milliseconds
 */

/**
 * The phases of the start that goes on, of the one that failed, or of the one that led to the
 * process that runs.
 * @param {import('./state.mjs').State} state
 * @param {number} now milliseconds since 1970
 * @returns {{rows: PhaseRow[], total: number | null}} `total` in milliseconds, nothing if unknown
 */
export function startUp({ backend, run, start }, now) {
  const phases = (start ?? run)?.phases ?? [];
  const spent = phases.reduce((sum, phase) => sum + phase.milliseconds, 0);
  if (!start) return { rows: rowsOf(phases), total: phases.length ? total(run, spent) : null };
  const going = backend.status === 'starting';
  const elapsed = Math.max(spent, (going ? now : backend.at) - start.began);
  const last = { name: start.phase, state: going ? 'active' : 'failed', since: elapsed - spent };
  return { rows: rowsOf(phases, last), total: elapsed };
}

function total(run, spent) {
  return run.startupTime ?? spent;
}

function rowsOf(phases, last) {
  const times = new Map();
  // A port that was lost is chosen anew: the same phase twice is one row.
  for (const { name, milliseconds } of phases)
    times.set(name, (times.get(name) ?? 0) + milliseconds);
  const names = new Set([...Object.keys(PHASES), ...times.keys(), ...(last ? [last.name] : [])]);
  const reached = last ? [...names].indexOf(last.name) : names.size;
  let offset = 0;
  return [...names].map((name, place) => {
    const row = { name, label: phaseWords(name).label, offset, milliseconds: times.get(name) ?? 0 };
    offset += row.milliseconds;
    if (name === last?.name) {
      return { ...row, state: last.state, milliseconds: row.milliseconds + last.since };
    }
    if (times.has(name)) return { ...row, state: 'done' };
    return { ...row, state: place < reached && phases.length > 0 ? 'skipped' : 'waiting' };
  });
}
