'use strict';

/** What the backend finds in its environment. */

/** Electron's own, which mean something else or nothing to the backend and what it starts. */
const OURS = /^(ELECTRON_|NODE_|CHROME_|PEFT_STUDIO_(TOKEN|HOST|PORT|ORIGIN|FIRST_PORT)$)/i;

/**
 * @param {Record<string, string | undefined>} environment of the app
 * @returns {Record<string, string>}
 */
function backendEnvironment(environment) {
  const kept = Object.entries(environment).filter(([name]) => !OURS.test(name));
  // The window shows what is wrong; a second message box on Windows would wait for nobody.
  return { ...Object.fromEntries(kept), PEFT_ENGINE_NO_DIALOG: '1' };
}

/**
 * The platform as electron-builder spells it in `${os}-${arch}`.
 * @param {NodeJS.Platform} platform
 * @param {string} arch of `process.arch`
 */
function platformName(platform, arch) {
  const system = { win32: 'win', darwin: 'mac' }[platform] ?? platform;
  return `${system}-${arch}`;
}

module.exports = { backendEnvironment, platformName };
