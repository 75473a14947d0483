'use strict';

/** Which port of 127.0.0.1 the backend gets. */

const net = require('node:net');
const { BackendError } = require('../failures.js');

const HOST = '127.0.0.1';

/**
 * Whether a program could listen on the port now; found out by doing so.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * The first free port that was not tried yet.
 * @param {readonly number[]} ports in order
 * @param {Set<number>} tried ports that were lost to another program since
 * @returns {Promise<number>}
 * @throws {BackendError} PORT_IN_USE where there is one port only, NO_AVAILABLE_PORTS otherwise
 */
async function pickPort(ports, tried) {
  for (const port of ports) {
    if (!tried.has(port) && (await isFree(port))) return port;
  }
  const [first, last] = [ports[0], ports.at(-1)];
  if (ports.length === 1) {
    throw new BackendError('PORT_IN_USE', `port ${first} is used by another program`, {
      port: first,
    });
  }
  throw new BackendError('NO_AVAILABLE_PORTS', `the ports ${first} to ${last} are all in use`, {
    first,
    last,
  });
}

module.exports = { HOST, isFree, pickPort };
