'use strict';

/** What the backend finds in its environment. */

/** Electron's own, which mean something else or nothing to the backend and what it starts. */
const OURS = /^(ELECTRON_|NODE_|CHROME_)/i;

/**
 * @param {Record<string, string | undefined>} environment of the app
 * @param {readonly string[]} withheld names that are not handed on, whatever their case
 * @returns {Record<string, string>}
 */
function backendEnvironment(environment, withheld) {
  const names = new Set(withheld.map((name) => name.toUpperCase()));
  const kept = Object.entries(environment).filter(
    ([name]) => !OURS.test(name) && !names.has(name.toUpperCase()),
  );
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
