/** The newest log lines and what of them is shown: a bounded buffer and a filter. */

import { cleanLine } from './clean-text.mjs';
import { plural } from './format.mjs';

/** Lines kept in the window; the log file has the rest. */
export const CAPACITY = 10_000;

// Python's logging and uvicorn put the level first or after the time.
const TIME = '^\\s*(?:[\\d-]{8,10}[ T][\\d:.,]{8,15}Z?\\s+)?\\[?';
const ERROR_FIRST = new RegExp(`${TIME}(?:ERROR|CRITICAL|FATAL)\\b`);
const WARNING_FIRST = new RegExp(`${TIME}WARN(?:ING)?\\b`);
const ERROR = /\bTraceback \(most recent call last\)|^\w+Error\b/;
const WARNING = /\b[A-Z]\w+Warning: /;

/**
 * @typedef {object} Line
 * @property {number} id counted up, never used twice
 * @property {number} at milliseconds since 1970
 * @property {'stdout' | 'stderr' | 'app'} stream
 * @property {'error' | 'warning' | 'info'} level
 * @property {string} text harmless to show
 */

/** The last `capacity` lines. */
export class LogBuffer {
  #lines = [];
  #next = 0;

  /** @param {number} [capacity] lines that are kept */
  constructor(capacity = CAPACITY) {
    this.capacity = capacity;
  }

  /**
   * Adds lines as they came from main, and a line that says how many were dropped before them.
   * @param {{at: number, stream: string, level?: string, text: string}[]} given
   * @param {number} [dropped] lines that main had to leave out
   * @returns {Line[]} those added that are still kept
   */
  add(given, dropped = 0) {
    const added = (dropped > 0 ? [droppedLine(given, dropped), ...given] : given)
      .slice(-this.capacity)
      .map((line) => ({ id: this.#next++, ...read(line) }));
    this.#lines.push(...added);
    // Taken away in large pieces: to move all lines for each new one would cost time.
    if (this.#lines.length > 2 * this.capacity) this.#lines = this.lines();
    return added;
  }

  /** @returns {Line[]} the kept lines, oldest first */
  lines() {
    return this.#lines.slice(-this.capacity);
  }

  /** How many lines are kept. */
  get size() {
    return Math.min(this.#lines.length, this.capacity);
  }
}

function droppedLine(given, dropped) {
  const text = `${plural(dropped, 'line')} left out: they came faster than they can be shown`;
  return { at: given[0]?.at ?? Date.now(), stream: 'app', level: 'warning', text };
}

function read({ at, stream, level, text }) {
  const clean = cleanLine(text);
  const known = stream === 'stderr' || stream === 'app' ? stream : 'stdout';
  return { at, stream: known, level: readLevel(level, clean), text: clean };
}

/** The level that was given, or else what the text begins with: Python's and uvicorn's words. */
function readLevel(level, text) {
  if (/^(error|critical|fatal)$/i.test(level ?? '')) return 'error';
  if (/^warn(ing)?$/i.test(level ?? '')) return 'warning';
  if (level) return 'info';
  if (ERROR_FIRST.test(text) || ERROR.test(text)) return 'error';
  return WARNING_FIRST.test(text) || WARNING.test(text) ? 'warning' : 'info';
}

/**
 * @typedef {object} Filter
 * @property {string} search looked for in the text, whatever the case
 * @property {'all' | 'stdout' | 'stderr' | 'app'} stream
 * @property {'all' | 'warning' | 'error'} level the least that is shown
 */

/** A filter that lets everything through. @type {Readonly<Filter>} */
export const EVERYTHING = Object.freeze({ search: '', stream: 'all', level: 'all' });

/**
 * A function that says whether a line is shown.
 * @param {Filter} filter
 * @returns {(line: Line) => boolean}
 */
export function matcher({ search, stream, level }) {
  const wanted = search.toLowerCase();
  const levels = { all: null, warning: ['warning', 'error'], error: ['error'] }[level];
  return (line) =>
    (stream === 'all' || line.stream === stream) &&
    (!levels || levels.includes(line.level)) &&
    (wanted === '' || line.text.toLowerCase().includes(wanted));
}

/**
 * A text cut where the search is found, for marking it: parts in order, every second one a match.
 * @param {string} text
 * @param {string} search
 * @returns {string[]} `[plain, match, plain, match, ..., plain]`
 */
export function cutAtMatches(text, search) {
  if (search === '') return [text];
  const [low, wanted] = [text.toLowerCase(), search.toLowerCase()];
  // Some letters change their length in lower case, and places would not fit any more.
  if (low.length !== text.length) return [text];
  const parts = [];
  let [from, found] = [0, low.indexOf(wanted)];
  while (found !== -1) {
    parts.push(text.slice(from, found), text.slice(found, found + wanted.length));
    from = found + wanted.length;
    found = low.indexOf(wanted, from);
  }
  return [...parts, text.slice(from)];
}

/**
 * What was pushed while the past was asked for, without what the past already has.
 * @param {{at: number, stream: string, text: string}[]} past
 * @param {{at: number, stream: string, text: string}[]} pushed
 */
export function withoutOverlap(past, pushed) {
  for (let length = Math.min(past.length, pushed.length); length > 0; length--) {
    const tail = past.slice(-length);
    if (tail.every((line, index) => same(line, pushed[index]))) return pushed.slice(length);
  }
  return pushed;
}

function same(one, other) {
  return one.at === other.at && one.stream === other.stream && one.text === other.text;
}

/**
 * Lines as text for the clipboard: time, stream, text.
 * @param {Line[]} lines
 * @param {(at: number) => string} stamp
 */
export function asText(lines, stamp) {
  return lines.map((line) => `${stamp(line.at)} ${line.stream} ${line.text}`).join('\n');
}
