'use strict';

/** What an app need not say: numbers that suit most, and the names that its backend goes by. */

/** Times are milliseconds, sizes bytes. */
const DEFAULTS = Object.freeze({
  /** `launcher` in the packager's configuration. */
  launcher: 'peft_engine',
  scheme: 'app',
  ports: portRange(8000, 11),
  /** The interpreter of development mode; without one it is looked for. */
  python: undefined,
  /** The variable that names it, for the message that none was found. */
  pythonVariable: undefined,
  /** The variable through which the backend gets the token of its start. */
  tokenVariable: 'RUNTIME_TOKEN',
  /** Variables that are not handed on to the backend: they would mean another one. */
  withheld: Object.freeze([]),
  /** How the backend is asked how it is; service/health.js says what it has to answer. */
  health: Object.freeze({
    path: '/api/health',
    challengeHeader: 'x-runtime-challenge',
    proofHeader: 'x-runtime-proof',
    proofDomain: 'runtime-packager/health/v1\n',
  }),
  /** The name of the bridge in the window's page. */
  bridge: 'runtime',
  /** Hosts whose https pages open in the browser when a link to them is followed. */
  links: Object.freeze([]),
  times: Object.freeze({
    slowStart: Object.freeze({ packaged: 5000, development: 3000 }),
    startLimit: 30_000,
    healthEvery: 5000,
    healthTimeout: 3000,
    startPoll: 25,
    beforeRestart: 2000,
    stable: 60_000,
    stopGrace: 1000,
    logBatch: 100,
  }),
  misses: 3,
  restarts: 3,
  window: Object.freeze({ width: 960, height: 720, minWidth: 480, minHeight: 480 }),
  log: Object.freeze({ fileSize: 5 * 1024 * 1024, files: 4, kept: 5000 }),
});

/** The scheme and host of an address must be able to hold it, and a file's name too. */
const PRODUCT = /^[a-z0-9][a-z0-9.-]*$/;

/**
 * What the modules are told.
 * @typedef {typeof DEFAULTS & {product: string, title: string, script?: string}} Settings
 */

/**
 * Settings with everything an app did not say; of `times` it may say some alone.
 * @param {object} given
 * @param {string} given.product `name` in the packager's configuration: a runtime of another name is
 *   refused
 * @param {string} given.title what people call the app
 * @param {string} [given.script] the backend's script in development mode, absolute
 * @returns {Readonly<Settings>}
 * @throws {TypeError} for a setting that is missing or that there is not
 */
function withDefaults(given) {
  const known = [...Object.keys(DEFAULTS), 'product', 'title', 'script'];
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length) throw new TypeError(`there is no setting ${unknown.join(', ')}`);
  if (!PRODUCT.test(given.product ?? '')) {
    throw new TypeError(`product: lower-case letters, digits, - and . expected`);
  }
  if (!given.title) throw new TypeError('title is missing');
  const times = Object.freeze({ ...DEFAULTS.times, ...given.times });
  return Object.freeze({ ...DEFAULTS, ...given, times });
}

/**
 * Ports in a row.
 * @param {number} first
 * @param {number} count
 * @returns {readonly number[]}
 */
function portRange(first, count) {
  return Object.freeze(Array.from({ length: count }, (_, index) => first + index));
}

/** The origin of the window's page, as in the `Origin` header. */
function originOf({ scheme, product }) {
  return `${scheme}://${product}`;
}

module.exports = { originOf, portRange, withDefaults };
