/** How numbers, times and digests are written in the window: pure functions, no document. */

const THOUSANDS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
/** Between a number and its unit: no line ends there. */
export const JOINT = '\u00a0';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/**
 * A count with separated thousands, or a dash for what is no count.
 * @param {unknown} number
 */
export function count(number) {
  return Number.isFinite(number) ? THOUSANDS.format(number) : '–';
}

/**
 * A count with its noun: `1 file`, `2,000 files`.
 * @param {number} number
 * @param {string} noun in the singular
 */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * A duration for people: `3 ms`, `0.84 s`, `12.4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
 * @param {unknown} milliseconds
 */
export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds) || milliseconds < 0) return '–';
  if (milliseconds < 99.5) return `${Math.round(milliseconds)}${JOINT}ms`;
  if (milliseconds < 9995) return `${(milliseconds / 1000).toFixed(2)}${JOINT}s`;
  if (milliseconds < 59950) return `${(milliseconds / 1000).toFixed(1)}${JOINT}s`;
  return long(Math.round(milliseconds / 1000));
}

/**
 * A duration in whole seconds, which does not flicker while it is counted: `8 s`, `3 min 5 s`.
 * @param {unknown} seconds
 */
export function seconds(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  return seconds < 60 ? `${Math.floor(seconds)}${JOINT}s` : long(Math.floor(seconds));
}

function long(seconds) {
  const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
  const [minutes, rest] = [Math.floor(seconds / 60) % 60, seconds % 60];
  if (days > 0) return pair(days, 'd', hours, 'h');
  if (hours > 0) return pair(hours, 'h', minutes, 'min');
  return pair(minutes, 'min', rest, 's');
}

function pair(large, largeUnit, small, smallUnit) {
  const whole = `${large}${JOINT}${largeUnit}`;
  return small === 0 ? whole : `${whole} ${small}${JOINT}${smallUnit}`;
}

/**
 * A size in decimal units, as stores and systems' file managers say it: `84.2 MB`.
 * @param {unknown} bytes
 */
export function size(bytes) {
  if (!Number.isFinite(bytes) || bytes < 0) return '–';
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)}${JOINT}${UNITS[unit]}`;
}

/**
 * The time of day with seconds, in the user's time zone: `15:40:07`.
 * @param {unknown} at milliseconds since 1970
 */
export function clock(at) {
  return Number.isFinite(at) ? hours(at, 0) : '–';
}

/**
 * The time of day with milliseconds, for log lines: `15:40:07.125`.
 * @param {unknown} at milliseconds since 1970
 */
export function stamp(at) {
  return Number.isFinite(at) ? hours(at, 3) : '–';
}

function hours(at, decimals) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, '0');
  const whole = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return decimals ? `${whole}.${String(date.getMilliseconds()).padStart(3, '0')}` : whole;
}

/**
 * A day: `24 Nov 2026`, or nothing for what is no date.
 * @param {unknown} text as electron-updater gives it, ISO 8601
 */
export function day(text) {
  const date = new Date(typeof text === 'string' ? text : NaN);
  if (Number.isNaN(date.getTime())) return '';
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' }).format(date);
}

/**
 * The beginning of a digest, enough to compare by eye: 12 hexadecimal digits.
 * @param {unknown} digest
 */
export function shortDigest(digest) {
  const hex = String(digest ?? '').replace(/^sha(256|512)[:-]/, '');
  return hex.length > 12 ? `${hex.slice(0, 12)}…` : hex || '–';
}
