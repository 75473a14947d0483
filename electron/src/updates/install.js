'use strict';

/** The two ways to install: exchanging an AppImage, or handing over to the system's installer. */

const { UpdateError } = require('./policy.js');
const { guardAfterThis } = require('./processes.js');

/**
 * Install and leave. The backend is stopped, and gone, before a file is touched; if anything fails
 * it is started again, the app stays as it was, and the error is thrown.
 * @param {{version: string, file: string, sha512: string}} offer `sha512` in hex
 * @param {object} parts
 * @param {string} parts.version this app's
 * @param {string} [parts.target] the AppImage, on Linux
 * @param {{stop: () => Promise<void>, start: () => Promise<unknown>}} parts.service
 * @param {object} parts.files of exchange.js
 * @param {(file: string, args: string[]) => Promise<unknown>} parts.start
 * @param {string[]} parts.args this start's
 * @param {(state: object) => void} parts.write
 * @param {object} parts.autoUpdater
 * @param {object} parts.log
 * @param {() => void} parts.quit
 */
async function install(offer, parts) {
  const { service, files, target } = parts;
  if (target) await files.prepare({ downloaded: offer.file, target, sha512: offer.sha512 });
  else await files.requireDigest(offer.file, offer.sha512);
  try {
    await service.stop();
    parts.write(pending(offer, parts));
    await (target ? exchange(parts) : handOver(parts));
  } catch (error) {
    parts.write({ ...pending(offer, parts), phase: 'told' });
    await service.start();
    throw error;
  }
}

function pending({ version }, { version: from, target }) {
  return { phase: 'pending', from, to: version, ...(target && { target }), at: Date.now() };
}

async function exchange({ files, target, start, args, quit }) {
  files.exchange(target);
  try {
    // The version before sees the new one's first start through; see guard.js.
    await start(files.previousOf(target), guardAfterThis(args));
  } catch (error) {
    files.putBack(target);
    throw new UpdateError('UPDATE_FAILED', `The new version was not installed: ${error.message}`);
  }
  quit();
}

/** Windows and macOS: the installer takes over once this app is gone, and starts the new one. */
function handOver({ autoUpdater, service, log }) {
  return new Promise((resolve, reject) => {
    let handedOver = false;
    autoUpdater.once('error', (error) => {
      if (!handedOver) return reject(error);
      log.error(`update: the installer failed: ${error.message}`);
      return service.start(); // macOS' own updater may fail long after it was asked
    });
    autoUpdater.quitAndInstall(true, true);
    setImmediate(() => {
      handedOver = true;
      resolve();
    });
  });
}

module.exports = { install };
