'use strict';

/** Whether this copy of the app may be updated at all, and from where. Pure decisions. */

/** The hosts that mean this machine, for builds that are not releases. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** An update that is refused; `code` is stable, the message is a sentence for the user. */
class UpdateError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {object} [details] such as `{expected, actual}`
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'UpdateError';
    this.code = code;
    this.details = details;
  }
}

/**
 * A build whose trusted keys are all development keys is no release: it may be updated from this
 * machine. What decides lies in the app's own code, not in its environment.
 * @param {import('../manifest/keys.js').Trust} trust
 */
function isRelease(trust) {
  return trust.keys.some((key) => key.purpose === 'release');
}

/**
 * Why this copy cannot be updated, or nothing.
 * @param {object} build
 * @param {boolean} build.packaged
 * @param {boolean} build.release see `isRelease`
 * @param {NodeJS.Platform} build.system
 * @param {string} [build.appImage] on Linux, the file the app was started from
 * @param {object} [build.config] the content of app-update.yml
 * @returns {string | undefined} a sentence
 */
function whyDisabled({ packaged, release, system, appImage, config }) {
  if (!packaged) return 'Only an installed app is updated; this one was started for development.';
  if (!config) return 'This build names no update server.';
  if (config.provider !== 'generic') {
    return `Updates come from a web server (provider generic), not from ${config.provider}.`;
  }
  const problem = urlProblem(config.url, release);
  if (problem) return problem;
  if (system === 'linux' && !appImage) {
    return 'Only the AppImage updates itself: get the new version where you got this one.';
  }
  if (system === 'win32' && release && !namesOf(config.publisherName).length) {
    return 'This build does not name its publisher, so that no update could be checked.';
  }
  return undefined;
}

/**
 * What is wrong with an address that something is to be fetched from, or nothing.
 * @param {string} text
 * @param {boolean} release
 */
function urlProblem(text, release) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') return undefined;
  if (url?.protocol === 'http:' && !release && LOOPBACK.has(url.hostname)) return undefined;
  return `Updates come over https only, not from ${String(text).slice(0, 200)}.`;
}

function namesOf(publisherName) {
  const names = Array.isArray(publisherName) ? publisherName : [publisherName];
  return names.filter((name) => typeof name === 'string' && name.trim());
}

module.exports = { UpdateError, isRelease, urlProblem, whyDisabled };
