'use strict';

/**
 * electron-builder's afterPack hook: sign the runtime's programs, then seal its manifest again.
 *
 * A code signature changes a program, and an app's own signature covers what it holds. So there is one
 * order: the runtime's programs, its manifest, the app. It happens to the packaged copy; what was
 * assembled stays as it is. Nothing signed: the manifest stays as it was, byte for byte.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { verifyTree } = require('../manifest-verify.js');
const { bareSigned } = require('./bare.js');
const { explained, packagedRuntimes, signablePrograms } = require('./packaged.js');
const { macIdentity, macSigner } = require('./sign-mac.js');
const { UNSIGNED, windowsSigner } = require('./sign-windows.js');
const { PACKAGER_HINT, findPackager, inParallel, run } = require('./tools.js');
const { readTrust } = require('../service/trust.js');

/** Signing waits for timestamp servers more than for processors. */
const AT_ONCE = Math.max(4, os.availableParallelism());

/** Of the runtime's programs on macOS; the app's own, else those that come with this. */
const ENTITLEMENTS = 'entitlements.runtime.plist';

const UNSIGNED_MAC =
  'NOT SIGNED for macOS: no Developer ID in the keychain (CSC_LINK, CSC_NAME). Gatekeeper will refuse ' +
  'this build elsewhere: for development only.';

/**
 * Sign, seal and verify one packaged runtime.
 * @param {string} runtime its directory
 * @param {object} parts
 * @param {import('../manifest/keys.js').Trust} parts.trust whom the packaged app will believe
 * @param {((file: string) => Promise<void>) | null} parts.sign signs a program where it lies
 * @param {(file: string) => boolean} [parts.wanted] which programs to sign; all that may be
 * @param {(runtime: string) => Promise<unknown>} parts.reseal makes a new manifest over what differs
 *   from the old one in code signatures alone
 * @returns {Promise<{signed: string[], resealed: boolean, facts: object}>}
 * @throws {Error} when a program cannot be signed, or anything else than code signatures differs
 */
async function sealRuntime(runtime, { trust, sign, wanted = () => true, reseal }) {
  const verify = (allowCodeSigning) =>
    verifyTree(runtime, trust, { level: 'full', allowCodeSigning }).catch((error) => {
      throw explained(runtime, error);
    });
  const before = await verify(true); // before anything gets our signature
  const signed = sign
    ? signablePrograms(runtime).filter((name) => wanted(path.join(runtime, name)))
    : [];
  await inParallel(signed, AT_ONCE, (name) => sign(path.join(runtime, name)));
  const { signedAfter } = signed.length ? await verify(true) : before;
  if (signedAfter.length) await reseal(runtime);
  return { signed, resealed: signedAfter.length > 0, facts: await verify(false) };
}

/**
 * electron-builder's hook.
 * @param {import('electron-builder').AfterPackContext} context
 */
async function afterPack(context) {
  const { packager } = context;
  const runtimes = packagedRuntimes(packager.getResourcesDir(context.appOutDir));
  if (!runtimes.length) throw new Error(`${context.appOutDir} holds no runtime`);
  const trust = readTrust(path.join(packager.projectDir, 'trust'));
  const { sign, wanted } = await signing(context);
  const program = findPackager(packager.projectDir);
  const reseal = (runtime) =>
    run(program, ['sign', runtime, '--after-code-signing', '--project', packager.projectDir], {
      hint: PACKAGER_HINT,
    });
  for (const runtime of runtimes) {
    const done = await sealRuntime(runtime, { trust, sign, wanted, reseal });
    const how = done.resealed ? 'sealed again after code signing' : 'as it was assembled';
    say(`${runtime}: ${done.signed.length} programs signed, ${how}, verified`);
  }
}

/** What signs for the system that is packed for, and which of the programs. */
async function signing({ packager, electronPlatformName }) {
  if (electronPlatformName === 'win32') {
    const sign = windowsSigner();
    if (!sign) unsigned(packager, UNSIGNED);
    // Others' signatures stay: Python's own and Microsoft's say more than ours would.
    return { sign, wanted: (file) => !bareSigned(file) };
  }
  if (electronPlatformName !== 'darwin') return { sign: null };
  const sign = await signingForMac(packager);
  if (!sign) unsigned(packager, UNSIGNED_MAC);
  return { sign };
}

async function signingForMac(packager) {
  if (process.platform !== 'darwin') return null;
  const keychain = (await packager.codeSigningInfo.value).keychainFile ?? undefined;
  const identity = await macIdentity({ env: process.env, keychain });
  const places = [packager.buildResourcesDir, __dirname].map((at) => path.join(at, ENTITLEMENTS));
  const entitlements = places.find((file) => fs.existsSync(file));
  return identity && macSigner({ identity, keychain, entitlements });
}

/** A development build may go without; one that was to be signed may not. */
function unsigned(packager, text) {
  if (packager.forceCodeSigning) throw new Error(text);
  say(text);
}

function say(text) {
  console.warn(`  • ${text}`);
}

module.exports = { afterPack, default: afterPack, sealRuntime };
