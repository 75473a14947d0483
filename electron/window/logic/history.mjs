/** The last health checks: what is kept, how it is drawn, how it is said. */

import { duration, plural } from './format.mjs';

/** Checks kept: five minutes at one every 5 s. */
export const KEPT = 60;

/**
 * @typedef {object} Check
 * @property {number} at milliseconds since 1970
 * @property {boolean} healthy
 * @property {number} [responseTime] milliseconds
 * @property {string} [error]
 */

/**
 * The history with one check more.
 * @param {readonly Check[]} checks oldest first
 * @param {Check} check
 * @returns {Check[]}
 */
export function withCheck(checks, check) {
  return [...checks, check].slice(-KEPT);
}

/**
 * The figures under the drawing.
 * @param {readonly Check[]} checks
 * @returns {{total: number, missed: number, latest?: Check, median?: number, slowest?: number}}
 */
export function figures(checks) {
  const times = checks.filter((check) => check.healthy).map((check) => check.responseTime);
  times.sort((one, other) => one - other);
  const missed = checks.filter((check) => !check.healthy).length;
  return {
    total: checks.length,
    missed,
    latest: checks.at(-1),
    median: times[Math.floor((times.length - 1) / 2)],
    slowest: times.at(-1),
  };
}

/**
 * The history in a sentence: what the drawing says to those who do not see it.
 * @param {readonly Check[]} checks
 */
export function sentence(checks) {
  if (checks.length === 0) return 'No check yet.';
  const { total, missed, median, slowest } = figures(checks);
  const answered = missed === 0 ? 'all answered' : `${missed} missed`;
  if (median === undefined) return `${plural(total, 'check')}, ${answered}.`;
  const times = `median ${duration(median)}, slowest ${duration(slowest)}`;
  return `${plural(total, 'check')}, ${answered}; ${times}.`;
}

/**
 * The bars of the drawing, from the left, the newest at the right edge. A missed check is as high
 * as the drawing; the others grow with the root of their time, so that 2 ms can be seen beside 2 s.
 * @param {readonly Check[]} checks
 * @param {number} height of the drawing
 * @returns {{index: number, height: number, healthy: boolean}[]} `index` from 0 to KEPT - 1
 */
export function bars(checks, height) {
  const ceiling = Math.sqrt(Math.max(20, figures(checks).slowest ?? 0));
  return checks.map((check, place) => ({
    index: KEPT - checks.length + place,
    healthy: check.healthy,
    height: check.healthy
      ? Math.max(2, (height * Math.sqrt(check.responseTime)) / ceiling)
      : height,
  }));
}
