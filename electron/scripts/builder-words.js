'use strict';

/** electron-builder's command line, as the wishes and the environment make it. */

const crypto = require('node:crypto');
const fs = require('node:fs');

/**
 * The words for electron-builder's command line.
 * @param {{wanted: object, env: NodeJS.ProcessEnv}} context
 * @returns {string[]}
 * @throws {Error} when updates were asked for and could not be trusted
 */
function builderWords({ wanted, env }) {
  const words = [`--${wanted.system}`, ...(wanted.dir ? ['dir'] : []), `--${wanted.arch}`];
  const output = wanted.output ?? `dist/${wanted.target}`;
  words.push('--publish', 'never', `-c.directories.output=${output}`);
  // Machines that do not reach GitHub bring an unpacked Electron along.
  const dist = env.RUNTIME_PACKAGER_ELECTRON_DIST || env.ELECTRON_OVERRIDE_DIST_PATH;
  if (dist) words.push(`-c.electronDist=${dist}`);
  if (wanted.release && wanted.system !== 'linux') words.push('-c.forceCodeSigning=true');
  return [...words, ...updateWords(wanted, env), ...wanted.rest];
}

/** Where the app looks for updates, and whose signature an installer for Windows has to carry. */
function updateWords({ system, release }, env) {
  const url = env.PEFT_STUDIO_UPDATE_URL;
  const words = url ? ['-c.publish.provider=generic', `-c.publish.url=${url}`] : [];
  if (system !== 'win') return words;
  const name = env.WINDOWS_SIGN_PUBLISHER || publisherOf(env.WINDOWS_SIGN_CERTIFICATE);
  if (name) return [...words, `-c.win.signtoolOptions.publisherName=${name}`];
  if (url && release) {
    throw new Error(
      'WINDOWS_SIGN_PUBLISHER is not set: without it an installed app would take an update that anybody signed',
    );
  }
  return words;
}

/**
 * The common name in a PEM certificate, which Windows shows as the publisher.
 * @param {string | undefined} file
 * @returns {string} empty when it cannot be read without a password
 */
function publisherOf(file) {
  if (!file || /\.(pfx|p12)$/i.test(file)) return '';
  const { subject } = new crypto.X509Certificate(fs.readFileSync(file));
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}

module.exports = { builderWords, publisherOf };
