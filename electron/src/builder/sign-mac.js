'use strict';

/**
 * Apple's code signatures on the runtime's programs, with entitlements of their own. electron-builder
 * signs the app around them afterwards: it would sign these too, one after the other, with the app's
 * entitlements, and after their digests were sealed.
 */

const fs = require('node:fs');
const { replace } = require('./replace.js');
const { ToolError, run } = require('./tools.js');

const KIND = 'Developer ID Application';
const HINT = "install Xcode's command line tools: xcode-select --install";

/** Mach-O's file type of a program; libraries take no entitlements. (mach-o/loader.h) */
const MH_EXECUTE = 2;
const FAT_MAGIC = 0xcafebabe;

/**
 * What signs a program.
 * @param {object} options
 * @param {string} options.identity as codesign takes it, such as "Developer ID Application: ..."
 * @param {string} options.entitlements a file, for programs
 * @param {string} [options.keychain] a file
 * @param {typeof run} [options.execute]
 * @returns {(file: string) => Promise<void>} signs `file` where it lies
 */
function macSigner({ identity, entitlements, keychain, execute = run }) {
  const words = ['--force', '--sign', identity, '--options', 'runtime'];
  // A signature that is to be notarised carries Apple's time; one without an identity cannot.
  words.push(identity === '-' ? '--timestamp=none' : '--timestamp');
  if (keychain) words.push('--keychain', keychain);
  return async (file) => {
    const allowed = isProgram(file) ? ['--entitlements', entitlements] : [];
    try {
      await replace(file, async (source, made) => {
        fs.copyFileSync(source, made);
        await execute('codesign', [...words, ...allowed, made], { hint: HINT });
      });
    } catch (error) {
      throw new ToolError(`${file} was not signed: ${error.message}`, { cause: error });
    }
  };
}

/** Whether a Mach-O file, universal or not, is a program and no library. */
function isProgram(file) {
  const handle = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(32);
    fs.readSync(handle, head, 0, head.length, 0);
    if (head.readUInt32BE(0) === FAT_MAGIC) {
      fs.readSync(handle, head, 0, head.length, head.readUInt32BE(16)); // the first one in it
    }
    return head.readUInt32LE(12) === MH_EXECUTE;
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * The identity to sign with: CSC_NAME, else the first Developer ID in the keychain.
 * @param {{env: NodeJS.ProcessEnv, keychain?: string, execute?: typeof run}} options
 * @returns {Promise<string | null>} null when there is none
 * @throws {ToolError} when CSC_NAME names one that is not there
 */
async function macIdentity({ env, keychain, execute = run }) {
  const words = ['find-identity', '-v', '-p', 'codesigning', ...(keychain ? [keychain] : [])];
  const listed = await execute('security', words);
  const found = [...listed.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  const wanted = env.CSC_NAME || '';
  const fitting = found.filter((name) => name.startsWith(KIND) && name.includes(wanted));
  if (wanted && !fitting.length) {
    throw new ToolError(`CSC_NAME says ${wanted}, and no such ${KIND} is in the keychain`);
  }
  return fitting[0] ?? null;
}

module.exports = { isProgram, macIdentity, macSigner };
