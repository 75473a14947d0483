/** What is known of an update: a reducer over what main pushes. */

import { cleanLine, cleanText } from './clean-text.mjs';
import { seconds, size } from './format.mjs';

/**
 * @typedef {object} Update
 * @property {'unknown' | 'checking' | 'not-available' | 'available' | 'downloading' | 'downloaded'
 *   | 'checksum-failed' | 'error'} status
 * @property {string} [version]
 * @property {string} [releaseDate]
 * @property {string} [notes]
 * @property {number} [size] bytes
 * @property {object} [progress] `{percent, transferred, total, bytesPerSecond}`
 * @property {string} [error]
 * @property {string} [expected] a digest
 * @property {string} [actual] a digest
 * @property {number} [at] of the last check, milliseconds since 1970
 */

/** Before anything was heard. @type {Readonly<Update>} */
export const UNKNOWN = Object.freeze({ status: 'unknown' });

const READERS = {
  'update-status': readStatus,
  'update-available': (update, payload) => ({
    ...update,
    status: stronger(update.status, 'available'),
    version: cleanLine(payload.version, 100),
    releaseDate: payload.releaseDate,
    notes: readNotes(payload.notes),
    size: payload.size,
    error: undefined,
  }),
  'update-download-progress': (update, payload) => ({
    ...update,
    status: 'downloading',
    progress: payload,
  }),
  'update-downloaded': (update, payload) => ({
    ...update,
    status: 'downloaded',
    version: cleanLine(payload.version, 100),
    progress: undefined,
  }),
  'update-checksum-failed': (update, payload) => ({
    ...update,
    status: 'checksum-failed',
    version: cleanLine(payload.version, 100),
    expected: cleanLine(payload.expected, 200),
    actual: cleanLine(payload.actual, 200),
    error: cleanText(payload.message, 500),
    progress: undefined,
  }),
};

/**
 * The update after something was pushed.
 * @param {Update} update
 * @param {string} channel one that begins with `update-`
 * @param {object} payload
 * @param {number} now milliseconds since 1970
 * @returns {Update}
 */
export function reduceUpdate(update, channel, payload, now) {
  return Object.hasOwn(READERS, channel) ? READERS[channel](update, payload, now) : update;
}

function readStatus(update, { status, error, code, version }, now) {
  switch (status) {
    case 'checking':
      return { ...update, status: 'checking', error: undefined };
    case 'not-available':
      return { status: 'not-available', at: now };
    case 'error':
      // The digests say more than the error that follows them.
      if (update.status === 'checksum-failed') return update;
      return {
        ...update,
        status: 'error',
        error: cleanText(error, 500),
        code,
        progress: undefined,
      };
    case 'available':
    case 'downloading':
    case 'downloaded':
      return { ...update, status, version: version ? cleanLine(version, 100) : update.version };
    default:
      return update;
  }
}

/** `update-status` and `update-available` come in either order; a download is not undone by them. */
function stronger(status, other) {
  return status === 'downloading' || status === 'downloaded' ? status : other;
}

/** Notes as electron-updater gives them: a text, or a list of `{version, note}`. */
function readNotes(notes) {
  if (typeof notes === 'string') return cleanText(notes, 2000).slice(0, 20_000).trim();
  if (!Array.isArray(notes)) return '';
  return readNotes(notes.map((one) => `${one?.version ?? ''}\n${one?.note ?? ''}`).join('\n\n'));
}

/**
 * The download in a line: `42 % · 35.2 of 84.0 MB · 3.1 MB/s · 16 s left`.
 * @param {{percent: number, transferred: number, total: number, bytesPerSecond: number}} progress
 */
export function progressLine({ percent, transferred, total, bytesPerSecond }) {
  const parts = [`${Math.floor(percent)} %`, `${size(transferred)} of ${size(total)}`];
  if (bytesPerSecond > 0) {
    const left = Math.ceil((total - transferred) / bytesPerSecond);
    parts.push(`${size(bytesPerSecond)}/s`);
    if (left > 0) parts.push(`${seconds(left)} left`);
  }
  return parts.join(' · ');
}
