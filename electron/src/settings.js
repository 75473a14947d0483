'use strict';

/** PEFT Studio's own names and numbers; what is under src/ besides takes them as arguments. */

const PRODUCT = 'peft-studio';
const FIRST_PORT = 8000;
const PORTS = 11;

/**
 * What the modules are told. Times are milliseconds, sizes bytes.
 * @typedef {ReturnType<typeof readSettings>} Settings
 */

/**
 * The settings, all of them constants but the ports and the Python of development.
 * @param {Record<string, string | undefined>} environment `PEFT_STUDIO_FIRST_PORT`: the first of
 *   eleven ports to try; `PEFT_STUDIO_PYTHON`: the interpreter of development mode
 * @throws {RangeError} for a first port that is none
 */
function readSettings(environment) {
  return Object.freeze({
    product: PRODUCT,
    title: 'PEFT Studio',
    launcher: 'peft_engine',
    scheme: 'app',
    host: PRODUCT,
    ports: portRange(environment.PEFT_STUDIO_FIRST_PORT),
    python: environment.PEFT_STUDIO_PYTHON || undefined,
    tokenVariable: 'PEFT_STUDIO_TOKEN',
    /** Hosts whose https pages open in the browser when a link to them is followed. */
    links: Object.freeze(['www.python.org']),
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
}

function portRange(text) {
  const first = text ? Number(text) : FIRST_PORT;
  if (!Number.isInteger(first) || first < 1024 || first + PORTS - 1 > 65535) {
    throw new RangeError(`PEFT_STUDIO_FIRST_PORT=${text}: a port from 1024 to ${65536 - PORTS}`);
  }
  return Object.freeze(Array.from({ length: PORTS }, (_, index) => first + index));
}

/** The origin of the window's page, as in the `Origin` header. */
function originOf({ scheme, host }) {
  return `${scheme}://${host}`;
}

module.exports = { originOf, readSettings };
