'use strict';

/**
 * Looking for, fetching and installing a new version: electron-updater does the transport, this
 * says what may be taken. Nothing is fetched or installed unless the user asks.
 */

const { UpdateError } = require('./policy.js');
const { disagreement } = require('./statement.js');
const { isNewer } = require('./versions.js');

/** electron-updater's own words for a digest that differs (builder-util-runtime). */
const MISMATCH = /expected (\S+?), got (\S+)/;

class Updater {
  #status = { status: 'not-available' };
  #offer; // {version, statement, file?}: what was found and may be taken
  #busy = false;

  /**
   * @param {object} parts
   * @param {object} parts.autoUpdater electron-updater's, or what behaves like it
   * @param {string} parts.version this app's
   * @param {(version: string) => Promise<import('./statement.js').Statement>} parts.statementOf
   *   fetches and verifies the signed statement of a version
   * @param {(file: string, offer: object) => Promise<void>} parts.install see install.js
   * @param {() => Promise<string | undefined>} parts.whyDisabled asked before anything else
   * @param {(channel: string, payload: object) => void} parts.push
   * @param {object} parts.log
   */
  constructor({ autoUpdater, version, statementOf, install, whyDisabled, push, log }) {
    Object.assign(this, { autoUpdater, version, statementOf, whyDisabled, push, log });
    this.installFile = install;
    this.#configure();
  }

  /** The newest `update-status`. */
  get status() {
    return this.#status;
  }

  /** Ask the server for a newer version. @returns {Promise<object>} the update-status afterwards */
  check() {
    return this.#alone(() => this.#check());
  }

  /** Fetch what `check` found. @returns {Promise<object>} the update-status afterwards */
  download() {
    return this.#alone(() => this.#download());
  }

  /** Stop the backend, install what was fetched and start it. Returns before the app quits. */
  install() {
    return this.#alone(() => this.#install());
  }

  #configure() {
    const { autoUpdater, log } = this;
    autoUpdater.autoDownload = false;
    autoUpdater.autoInstallOnAppQuit = false; // it would be installed beside a running backend
    autoUpdater.autoRunAppAfterInstall = true;
    autoUpdater.allowDowngrade = false;
    autoUpdater.disableWebInstaller = true; // its package is not covered by the installer's digest
    const line = (text) => `updater: ${firstLine(text)}`; // it logs whole stacks
    autoUpdater.logger = {
      debug: (text) => log.debug(line(text)),
      info: (text) => log.info(line(text)),
      warn: (text) => log.warning(line(text)),
      error: (text) => log.warning(line(text)),
    };
    autoUpdater.on('download-progress', (progress) => this.#onProgress(progress));
    autoUpdater.on('error', () => {}); // the promises tell the same
  }

  async #alone(work) {
    if (this.#busy) return this.#status;
    this.#busy = true;
    try {
      const why = await this.whyDisabled();
      if (why) throw new UpdateError('UPDATES_DISABLED', why);
      await work();
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#busy = false;
    }
    return this.#status;
  }

  async #check() {
    this.#say({ status: 'checking' });
    this.#offer = undefined;
    const found = await this.autoUpdater.checkForUpdates();
    if (!found)
      throw new UpdateError('UPDATES_DISABLED', 'The updater is not active in this copy.');
    const info = found.updateInfo;
    if (!isNewer(info.version, this.version)) {
      this.log.info(`update: the server offers ${info.version}, this is ${this.version}`);
      this.#say({ status: 'not-available', version: info.version });
      return;
    }
    await this.#accept(info);
  }

  async #accept(info) {
    const statement = await this.statementOf(info.version);
    const problem = disagreement(info, statement);
    if (problem) {
      throw new UpdateError(
        'UPDATE_NOT_SIGNED',
        `Version ${info.version} is not taken: ${problem}.`,
      );
    }
    this.#offer = { version: info.version, statement };
    this.log.info(`update: ${info.version} is offered and signed, this is ${this.version}`);
    const { releaseDate, releaseNotes } = info;
    const size = info.files[0].size;
    const notes = typeof releaseNotes === 'string' ? releaseNotes : '';
    this.push('update-available', { version: info.version, releaseDate, notes, size });
    this.#say({ status: 'available', version: info.version });
  }

  async #download() {
    const offer = this.#offer;
    if (!offer) throw new UpdateError('UPDATE_NOT_FOUND', 'Look for updates first.');
    if (offer.file) return;
    this.#say({ status: 'downloading', version: offer.version });
    const [file] = await this.autoUpdater.downloadUpdate();
    offer.file = file;
    this.log.info(`update: ${offer.version} was downloaded`);
    this.push('update-downloaded', { version: offer.version });
    this.#say({ status: 'downloaded', version: offer.version });
  }

  async #install() {
    const offer = this.#offer;
    if (!offer?.file) throw new UpdateError('UPDATE_NOT_FOUND', 'Download the update first.');
    this.log.info(`update: installing ${this.version} -> ${offer.version}`);
    try {
      await this.installFile(offer);
    } catch (error) {
      if (error.code === 'ERR_CHECKSUM_MISMATCH') offer.file = undefined;
      throw error;
    }
  }

  #onProgress({ percent, transferred, total, bytesPerSecond }) {
    this.push('update-download-progress', { percent, transferred, total, bytesPerSecond });
  }

  #onError(error) {
    const code = error.code ?? 'UPDATE_FAILED';
    const version = this.#offer?.version;
    // electron-updater's messages may carry a stack and a server's whole answer
    const message = firstLine(error.message);
    this.log.error(`update: ${message} (${code})`);
    if (code === 'ERR_CHECKSUM_MISMATCH') this.#onMismatch(version, message, error.details);
    this.#say({ status: 'error', error: message, code, ...(version && { version }) });
  }

  #onMismatch(version, message, details) {
    const [, expected, actual] = MISMATCH.exec(message) ?? [];
    this.push('update-checksum-failed', { version, expected, actual, ...details, message });
  }

  #say(payload) {
    this.#status = payload;
    this.push('update-status', payload);
  }
}

function firstLine(text) {
  return String(text).split('\n')[0].slice(0, 500);
}

module.exports = { Updater };
