'use strict';

/** PEFT Studio's own names; what is under src/ besides takes them as arguments. */

const path = require('node:path');
const { originOf, portRange, withDefaults } = require('./defaults.js');

const FIRST_PORT = 8000;
const PORTS = 11;
const BACKEND = path.join(__dirname, '..', '..', 'backend');

/**
 * The settings, all of them constants but the ports and the Python of development.
 * @param {Record<string, string | undefined>} environment `PEFT_STUDIO_FIRST_PORT`: the first of
 *   eleven ports to try; `PEFT_STUDIO_PYTHON`: the interpreter of development mode
 * @returns {Readonly<import('./defaults.js').Settings>}
 * @throws {RangeError} for a first port that is none
 */
function readSettings(environment) {
  return withDefaults({
    product: 'peft-studio',
    title: 'PEFT Studio',
    script: path.join(BACKEND, 'main.py'),
    ports: portsFrom(environment.PEFT_STUDIO_FIRST_PORT),
    python: environment.PEFT_STUDIO_PYTHON || undefined,
    pythonVariable: 'PEFT_STUDIO_PYTHON',
    tokenVariable: 'PEFT_STUDIO_TOKEN',
    withheld: ['TOKEN', 'HOST', 'PORT', 'ORIGIN', 'FIRST_PORT'].map(
      (name) => `PEFT_STUDIO_${name}`,
    ),
    // backend/peft_studio/routers/health.py
    health: Object.freeze({
      path: '/api/health',
      challengeHeader: 'x-peft-challenge',
      proofHeader: 'x-peft-proof',
      proofDomain: 'peft-studio/health/v1\n',
    }),
    bridge: 'peftStudio',
    links: Object.freeze(['www.python.org']),
  });
}

function portsFrom(text) {
  const first = text ? Number(text) : FIRST_PORT;
  if (!Number.isInteger(first) || first < 1024 || first + PORTS - 1 > 65535) {
    throw new RangeError(`PEFT_STUDIO_FIRST_PORT=${text}: a port from 1024 to ${65536 - PORTS}`);
  }
  return portRange(first, PORTS);
}

module.exports = { originOf, readSettings };
