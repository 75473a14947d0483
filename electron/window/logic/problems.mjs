/** What went wrong, as cards: title, cause, advice, what is known besides, and buttons that help. */

import { cleanLine, cleanText } from './clean-text.mjs';

/** Bad files and lines that a card lists; the log and the diagnostics have more. */
const LISTED = 20;

/** What each action is called and what it asks main to do; `reinstall` only tells how. */
export const ACTIONS = Object.freeze({
  retry: { label: 'Retry', channel: 'backend-restart' },
  restart: { label: 'Restart', channel: 'backend-force-restart' },
  verify: { label: 'Verify the installation', channel: 'backend-verify' },
  'open-log': { label: 'Open the log file', channel: 'open-log-file' },
  reinstall: { label: 'How to reinstall', channel: null },
});

const LABELS = {
  exitCode: 'Exit code',
  signal: 'Signal',
  port: 'Port',
  module: 'Module',
  path: 'Path',
  attempts: 'Restarts',
  last: 'Last failure',
};

/**
 * @typedef {object} Problem
 * @property {string} key the same for the same problem, so that a card is not made anew
 * @property {string} code
 * @property {string} title
 * @property {string} cause
 * @property {string} advice
 * @property {string[]} actions of ACTIONS, the first is the one to try first
 * @property {{label: string, value: string}[]} facts
 * @property {{path: string, reason: string}[]} files the first bad ones
 * @property {number} more bad files that are not listed
 * @property {string[]} output the last lines of the process
 * @property {number | null} port one that may be asked for
 */

/**
 * The cards to show: the engine's failure, or else a verification that failed while it ran.
 * @param {import('./state.mjs').State} state
 * @returns {Problem[]}
 */
export function problems({ backend, verification }) {
  const cards = [];
  const broken = backend.status === 'error' || backend.status === 'failed';
  if (broken && !isRepaired({ backend, verification }))
    cards.push(problem(backend, `backend-${backend.at}`));
  const known = broken && backend.code === verification.code;
  if (verification.status === 'failed' && !known) {
    cards.push(problem(verification, `verification-${verification.at}`));
  }
  return cards;
}

/**
 * Whether the installation was found in order after the engine was refused because of it.
 * @param {import('./state.mjs').State} state
 */
export function isRepaired({ backend, verification }) {
  const { code, at } = backend;
  return code === 'INTEGRITY_FAILED' && verification.status === 'verified' && verification.at > at;
}

function problem(payload, key) {
  const details = payload.details ?? {};
  const files = list(details.files).map(readFile);
  return {
    key,
    code: cleanLine(payload.code ?? 'UNKNOWN', 60),
    title: cleanLine(payload.title ?? 'Something went wrong', 200),
    cause: cleanText(payload.error, 1000),
    advice: cleanText(payload.advice, 1000),
    actions: (payload.actions ?? ['retry', 'open-log']).filter((one) =>
      Object.hasOwn(ACTIONS, one),
    ),
    facts: facts({ ...details, attempts: payload.attempts, last: readLast(details.last) }),
    files: files.slice(0, LISTED),
    more: Math.max(0, (details.count ?? files.length) - Math.min(files.length, LISTED)),
    output: lines(details.output).slice(-LISTED),
    port: Number.isInteger(details.port) ? details.port : null,
  };
}

function readFile({ path, id, reason }) {
  return { path: cleanLine(path, 500), reason: cleanLine(reason ?? id ?? '', 300) };
}

/** The failure before the one that ended the attempts. */
function readLast(last) {
  return last?.code && `${last.code}: ${last.error}`;
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

function lines(output) {
  const all = Array.isArray(output) ? output : String(output ?? '').split(/\r?\n/);
  return all.map((line) => cleanLine(line?.text ?? line, 500)).filter((line) => line.trim() !== '');
}

/** Plain values of the details, and lists of them, with a name a person can read. */
function facts(details) {
  const shown = Object.entries(details).filter(
    ([name, value]) => !['files', 'count', 'output'].includes(name) && isPlain(value),
  );
  return shown.map(([name, value]) => ({
    label: LABELS[name] ?? words(name),
    value: cleanText(Array.isArray(value) ? value.slice(0, LISTED).join('\n') : value, 500),
  }));
}

function isPlain(value) {
  if (Array.isArray(value))
    return value.length > 0 && value.every((one) => typeof one === 'string');
  return ['string', 'number'].includes(typeof value) && value !== '';
}

function words(name) {
  const spaced = cleanLine(name, 60).replace(/([a-z])([A-Z])/g, '$1 $2');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
}
