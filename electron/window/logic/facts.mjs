/** The rows of the engine's card: where it answers, what it is, who signed it. */

import { cleanLine } from './clean-text.mjs';
import { clock, count, duration, plural, shortDigest } from './format.mjs';

/** The value of a row that has none. */
export const NOTHING = '–';

const LEVELS = { exe: 'Programs', quick: 'Quick', full: 'All files' };

/**
 * @typedef {object} Fact
 * @property {string} name
 * @property {string} label
 * @property {string} value
 * @property {string} [copy] what is copied, if the row can be
 * @property {'good' | 'warn' | 'bad'} [tone] shown as a sign beside the value
 */

/**
 * @param {import('./state.mjs').State} state
 * @returns {Fact[]} always the same rows, so that nothing jumps
 */
export function facts({ run, app, verification }) {
  const runtime = run?.runtime ?? null;
  // Main knows what is installed before any of it was verified: enough for a name, no more.
  const installed = runtime ?? (typeof app?.runtime === 'object' ? app.runtime : null);
  const development = run?.mode === 'development';
  return [
    row('address', 'Address', run && `127.0.0.1:${run.port}`, { copied: true }),
    row('process', 'Process', run && String(run.pid), { copied: true }),
    row(
      'runtime',
      'Runtime',
      development ? 'Your own Python' : installed && runtimeName(installed),
    ),
    row('tree', 'Tree', runtime && shortDigest(runtime.tree), { copy: runtime?.tree }),
    { ...row('signed', 'Signed with', runtime && signer(runtime)), tone: signTone(runtime) },
    verified(runtime, verification, development),
    row('app', 'App', app && appName(app)),
  ];
}

function row(name, label, value, { copied = false, copy } = {}) {
  const text = value ? cleanLine(value, 200) : NOTHING;
  return { name, label, value: text, copy: value ? (copied ? text : copy) : undefined };
}

function runtimeName({ product, version, epoch }) {
  const name = [product, version].filter(Boolean).join(' ');
  return epoch === undefined ? name : `${name} (epoch ${epoch})`;
}

function signer({ purpose }) {
  return { release: 'Release key', development: 'Development key' }[purpose] ?? 'Unknown key';
}

function signTone(runtime) {
  if (!runtime) return undefined;
  return runtime.purpose === 'release' ? 'good' : 'warn';
}

/** A verification on request counts until the next; before it, what the start looked at. */
function verified(runtime, verification, development) {
  if (verification.status === 'verified') {
    const value = `All files · ${clock(verification.at)}`;
    return { ...row('verified', 'Verified', value), tone: 'good' };
  }
  if (verification.status === 'failed') {
    return { ...row('verified', 'Verified', `Failed · ${clock(verification.at)}`), tone: 'bad' };
  }
  if (development) return row('verified', 'Verified', 'No, development mode');
  if (!runtime) return row('verified', 'Verified', null);
  const at = Number.isFinite(runtime.checked) && clock(runtime.checked);
  const value = [LEVELS[runtime.level] ?? runtime.level, at].filter(Boolean).join(' · ');
  return { ...row('verified', 'Verified', value), tone: 'good' };
}

function appName({ version, electron }) {
  return electron ? `${version} · Electron ${electron}` : version;
}

/**
 * A verification in a line, for the row of its progress and its result.
 * @param {object} verification of the state
 */
export function verificationLine({ status, done, total, files, milliseconds }) {
  if (status === 'running') {
    return total > 0 ? `Verifying: ${count(done)} of ${plural(total, 'file')}` : 'Verifying…';
  }
  if (status === 'verified') {
    return `${plural(files, 'file')} verified in ${duration(milliseconds)}.`;
  }
  return '';
}

/**
 * The row that says how this version stands to the newest; the banner says the rest.
 * @param {import('./state.mjs').State} state
 * @returns {Fact}
 */
export function updateRow({ update }) {
  const values = {
    checking: 'Checking…',
    'not-available': `Up to date · ${clock(update.at)}`,
    available: 'Available',
    downloading: 'Downloading',
    downloaded: 'Ready to install',
    'checksum-failed': 'Damaged download',
    error: 'Failed',
  };
  return row('updates', 'Updates', values[update.status] ?? 'Not checked');
}
