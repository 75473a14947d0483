'use strict';

/**
 * Notarisation by Apple: the signed app is sent in, waited for, and gets its ticket. Needs macOS and
 * credentials in the environment; without them the build goes on and says what it lacks.
 *
 * | variable | |
 * |---|---|
 * | APPLE_API_KEY, APPLE_API_KEY_ID, APPLE_API_ISSUER | a key of App Store Connect: a .p8 file, its id, its issuer |
 * | APPLE_KEYCHAIN_PROFILE | instead: what `xcrun notarytool store-credentials` stored |
 *
 * An Apple ID with its password is not taken: notarytool wants it on its command line.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ToolError, run } = require('./tools.js');

const HINT = "install Xcode's command line tools: xcode-select --install";
const KEY_PARTS = ['APPLE_API_KEY', 'APPLE_API_KEY_ID', 'APPLE_API_ISSUER'];

/**
 * The words that tell notarytool who asks.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[] | null} null when nothing is set
 * @throws {ToolError} when a part is missing
 */
function credentials(env) {
  const given = KEY_PARTS.filter((name) => env[name]);
  if (given.length === KEY_PARTS.length) {
    const [key, id, issuer] = KEY_PARTS.map((name) => env[name]);
    return ['--key', key, '--key-id', id, '--issuer', issuer];
  }
  if (given.length) {
    const missing = KEY_PARTS.filter((name) => !env[name]).join(' and ');
    throw new ToolError(`notarisation was asked for by ${given[0]}, but ${missing} is not set`);
  }
  return env.APPLE_KEYCHAIN_PROFILE ? ['--keychain-profile', env.APPLE_KEYCHAIN_PROFILE] : null;
}

/**
 * Notarise an app, and staple the ticket to it.
 * @param {string} app the signed bundle
 * @param {object} [parts]
 * @param {NodeJS.ProcessEnv} [parts.env]
 * @param {string} [parts.platform] as `process.platform`
 * @param {typeof run} [parts.execute]
 * @param {(text: string) => void} [parts.warn]
 * @returns {Promise<boolean>} whether it was done
 * @throws {ToolError} when it was asked for and Apple refused, with Apple's own log
 */
async function notarize(app, parts = {}) {
  const { env = process.env, platform = process.platform, execute = run } = parts;
  const { warn = (text) => console.warn(`  • ${text}`) } = parts;
  const who = credentials(env);
  if (!who) {
    warn(`NOT NOTARISED: ${KEY_PARTS.join(', ')} are not set. For development only.`);
    return false;
  }
  if (platform !== 'darwin') throw new ToolError('notarisation was asked for, and needs macOS');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'notarize-'));
  try {
    const archive = path.join(folder, `${path.basename(app, '.app')}.zip`);
    await execute('ditto', ['-c', '-k', '--sequesterRsrc', '--keepParent', app, archive]);
    await submit(app, archive, who, execute);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  await execute('xcrun', ['stapler', 'staple', app], { hint: HINT });
  return true;
}

async function submit(app, archive, who, execute) {
  const asked = ['notarytool', 'submit', archive, ...who, '--wait', '--output-format', 'json'];
  const { id, status } = JSON.parse(await execute('xcrun', asked, { hint: HINT }));
  if (status === 'Accepted') return;
  const log = await execute('xcrun', ['notarytool', 'log', id, ...who], { hint: HINT });
  throw new ToolError(`${app} was not notarised (${status}):\n${log}`);
}

module.exports = { credentials, notarize };
