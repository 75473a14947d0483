'use strict';

/**
 * When the runtime is verified, how thoroughly, and what is remembered of it.
 *
 * - before each start: `exe`; `full` when the last verification failed or the app was updated;
 * - right after it is ready, in the background: `quick`;
 * - on request: `full`.
 *
 * A runtime that was verified in the background sets the lowest epoch that is accepted from then on,
 * but not while its version is on trial: the one before may have to be put back.
 */

const fs = require('node:fs');
const path = require('node:path');
const { BackendError } = require('../failures.js');
const { verifyTree } = require('../manifest-verify.js');
const { readTrust } = require('./trust.js');

/** Files that are named to a person. */
const NAMED = 20;

/**
 * What is known of the runtime.
 * @typedef {object} Runtime
 * @property {string} product
 * @property {string} version
 * @property {number} epoch
 * @property {string} platform
 * @property {string} tree its digest
 * @property {'release' | 'development'} purpose of the key that signed it
 * @property {'exe' | 'quick' | 'full'} level how thoroughly it was verified
 * @property {number} checked milliseconds since 1970
 */

/** Verifies one runtime, for one app. */
class Verification {
  #failed;

  /**
   * @param {object} options
   * @param {string} options.trustDirectory
   * @param {string} options.record file that makes the next quick verification cheap
   * @param {import('./state-file.js').StateFile} options.state
   * @param {string} options.product whose runtime it has to be
   * @param {string} options.platform such as `linux-x64`
   * @param {string} options.appVersion
   * @param {import('./clock.js').Clock} options.clock
   * @param {import('../log.js').Log} options.log
   * @param {() => boolean} [options.onTrial] whether this version is yet to be proven
   * @param {typeof verifyTree} [options.verify]
   */
  constructor(options) {
    this.options = { verify: verifyTree, onTrial: () => false, ...options };
    /** @type {Runtime | null} */
    this.runtime = null;
    this.#failed = options.state.read().verificationFailed === true;
  }

  /** Before a start. @param {string} tree */
  async beforeStart(tree) {
    const { state, appVersion, log } = this.options;
    const { appVersion: before } = state.read();
    const updated = before !== undefined && before !== appVersion;
    if (updated) log.info(`the app was updated from ${before} to ${appVersion}`);
    await this.#check(tree, this.#failed || updated ? 'full' : 'exe');
  }

  /** After a start. @param {string} tree */
  async afterStart(tree) {
    const { release } = await this.#check(tree, 'quick', this.options.record);
    this.options.log.info(`runtime ${release.version} (epoch ${release.epoch}) verified`);
    if (!this.options.onTrial()) this.#remember(release);
  }

  /**
   * On request.
   * @param {string} tree
   * @returns {Promise<{runtime: Runtime, files: number, bytes: number, milliseconds: number}>}
   */
  async onRequest(tree) {
    const started = this.options.clock.elapsed();
    const { filesChecked: files, bytesHashed: bytes } = await this.#check(tree, 'full');
    const milliseconds = Math.round(this.options.clock.elapsed() - started);
    return { runtime: this.runtime, files, bytes, milliseconds };
  }

  async #check(tree, level, record) {
    const { clock, log } = this.options;
    const started = clock.elapsed();
    try {
      const facts = await this.#facts(tree, level, record);
      if (level === 'full') this.#setFailed(false);
      this.#know(facts, level);
      log.info(`runtime verified (${level}) in ${Math.round(clock.elapsed() - started)} ms`);
      return facts;
    } catch (error) {
      this.#setFailed(true);
      const failure = integrityFailure(error);
      log.error(`verification (${level}) failed: ${failure.message}`);
      for (const { path, id, reason } of failure.details.files)
        log.error(`  ${path} ${id} ${reason}`);
      throw failure;
    }
  }

  async #facts(tree, level, record) {
    const { trustDirectory, platform, product, state, verify, log } = this.options;
    const minimumEpoch = epochsOf(state.read())[product] ?? 0;
    const trust = readTrust(trustDirectory);
    const wanted = { level, platform, minimumEpoch, record: record && usableRecord(record, log) };
    const facts = await verify(tree, trust, wanted);
    if (facts.release.product === product) return facts;
    throw new Error(`it is the runtime of ${facts.release.product}, expected ${product}`);
  }

  #know({ release, purpose }, level) {
    const { product, version, epoch, platform, tree_root: tree } = release;
    const checked = this.options.clock.now();
    this.runtime = { product, version, epoch, platform, tree, purpose, level, checked };
  }

  /** Only once it has run, so that an older one can be put back when a new one does not work. */
  #remember({ product, epoch }) {
    const { state, appVersion } = this.options;
    const found = state.read();
    const epochs = epochsOf(found);
    if (found.appVersion === appVersion && epochs[product] === epoch) return;
    state.update({ appVersion, epochs: { ...epochs, [product]: epoch } });
  }

  #setFailed(failed) {
    if (this.#failed !== failed) this.options.state.update({ verificationFailed: failed });
    this.#failed = failed;
  }
}

/** The record, if its directory can be had; without it the next verification takes longer. */
function usableRecord(record, log) {
  try {
    fs.mkdirSync(path.dirname(record), { recursive: true });
    return record;
  } catch (error) {
    log.warning(`verifying without a record: ${error.message}`);
    return undefined;
  }
}

function epochsOf({ epochs }) {
  const rows = Object.entries(epochs ?? {}).filter(([, epoch]) => Number.isSafeInteger(epoch));
  return Object.fromEntries(rows);
}

/** @param {Error} error of the verifier, or a bug: both mean that nothing is proven */
function integrityFailure(error) {
  const all = error.problems?.length
    ? error.problems
    : [{ path: '', id: error.id ?? 'error', reason: error.message }];
  const files = all.slice(0, NAMED).map(({ path, id, reason }) => ({ path, id, reason }));
  const first = files[0].path || files[0].reason;
  const more = all.length > 1 ? ` and ${all.length - 1} more` : '';
  const message = `the runtime is not what was signed: ${first}${more}`;
  return new BackendError('INTEGRITY_FAILED', message, { files, count: all.length });
}

module.exports = { Verification };
