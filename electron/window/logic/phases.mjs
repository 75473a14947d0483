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
  const times = new Map(phases.map(({ name, milliseconds }) => [name, milliseconds]));
  const names = new Set([...Object.keys(PHASES), ...times.keys(), ...(last ? [last.name] : [])]);
  const reached = last ? [...names].indexOf(last.name) : names.size;
  let offset = 0;
  return [...names].map((name, place) => {
    const row = { name, label: phaseWords(name).label, offset, milliseconds: times.get(name) ?? 0 };
    offset += row.milliseconds;
    if (times.has(name)) return { ...row, state: 'done' };
    if (name === last?.name) return { ...row, state: last.state, milliseconds: last.since };
    return { ...row, state: place < reached && phases.length > 0 ? 'skipped' : 'waiting' };
  });
}
