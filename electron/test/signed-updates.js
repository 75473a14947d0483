'use strict';

/** For tests: keys, and statements signed with them, as `runtime-packager sign-update` makes them. */

const crypto = require('node:crypto');

const UPDATE_TYPE = 'application/vnd.runtime-packager.update+json';

/**
 * @param {'release' | 'development'} purpose
 * @returns {{row: object, sign: (message: Buffer) => Buffer}} `row` as in trusted-keys.json
 */
function makeKey(purpose) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
  const hex = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const keyid = crypto
    .createHash('sha256')
    .update('runtime-packager/key/v1\n')
    .update(Buffer.from(hex, 'hex'))
    .digest('hex');
  const row = { keyid, public: hex, purpose };
  return { row, sign: (message) => crypto.sign(null, message, privateKey) };
}

function trustIn(...keys) {
  return { keys: keys.map((key) => key.row), threshold: 1, revoked: [] };
}

/** The envelope of a statement about `files`, `[{name, content}]`. */
function statementOf(key, { files, type = UPDATE_TYPE, ...values }) {
  const rows = files.map(({ name, content }) => ({
    name,
    size: content.length,
    sha512: crypto.createHash('sha512').update(content).digest('hex'),
  }));
  const document = { files: rows, platform: 'linux-x64', product: 'peft-studio', schema: 1 };
  const payload = Buffer.from(JSON.stringify({ ...document, version: '0.2.0', ...values }));
  const message = `DSSEv1 ${type.length} ${type} ${payload.length} `;
  const sig = key.sign(Buffer.concat([Buffer.from(message), payload])).toString('base64');
  const signatures = [{ keyid: key.row.keyid, sig }];
  return Buffer.from(
    JSON.stringify({ payload: payload.toString('base64'), payloadType: type, signatures }),
  );
}

/** What electron-updater makes of a latest.yml about the same files. */
function infoOf({ version = '0.2.0', files }) {
  const rows = files.map(({ name, content }) => ({
    url: name,
    size: content.length,
    sha512: crypto.createHash('sha512').update(content).digest('base64'),
  }));
  return { version, files: rows, releaseDate: '2026-01-01T00:00:00.000Z', releaseNotes: 'new' };
}

module.exports = { infoOf, makeKey, statementOf, trustIn };
