'use strict';

/**
 * Updates, wired: main.js calls `beforeAnything` in its first lines and `setupUpdates` once the
 * service manager is there. docs/adr/0019-updates-with-electron-updater.md says why it is so.
 */

const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('../service/environment.js');
const exchange = require('./exchange.js');
const { guardUpdate } = require('./guard.js');
const { install } = require('./install.js');
const { UpdateError, isRelease, whyDisabled } = require('./policy.js');
const processes = require('./processes.js');
const { readState, writeState } = require('./state.js');
const { fetchStatement, openStatement, statementUrl } = require('./statement.js');
const { Trial, standing } = require('./trial.js');
const { Updater } = require('./updater.js');

/**
 * Milliseconds. An app that is about to quit may wait for its backend's end (1 s and a SIGKILL); a
 * runtime of 6 GB takes a minute to verify from a slow disk.
 */
const LIMITS = Object.freeze({
  end: 30_000,
  begin: 60_000,
  prove: 600_000,
  poll: 200,
  statement: 30_000,
});

/** Where the state lies. */
function stateFile(app) {
  return path.join(app.getPath('userData'), 'update.json');
}

/** The AppImage this app was started from, without links; nothing elsewhere. */
function ownAppImage({ APPIMAGE }, system = process.platform) {
  if (system !== 'linux' || !APPIMAGE || !path.isAbsolute(APPIMAGE)) return undefined;
  return fs.existsSync(APPIMAGE) ? fs.realpathSync(APPIMAGE) : undefined;
}

/**
 * For the first lines of the main process, before the single-instance lock is asked for: waits for
 * the app that started this one, and is the guard of an update if that was asked for.
 * @param {object} parts
 * @param {Electron.App} parts.app
 * @param {string[]} parts.argv without the program's own name
 * @param {() => object} parts.openLog called by a guard alone
 * @returns {boolean} true: this process is a guard; start nothing else, it ends by itself
 */
function beforeAnything({ app, argv, openLog }) {
  const { after, guard, rest } = processes.ownArguments(argv);
  const gone = after === undefined || processes.waitForEnd(after, LIMITS.end);
  if (!guard) return false;
  const log = openLog();
  if (!gone) {
    log.warning(`update: process ${after} did not end, so it is killed; its backend is gone`);
    processes.killOne(after); // else it keeps the lock, and neither version would start
  }
  app.disableHardwareAcceleration();
  app.setPath('sessionData', path.join(app.getPath('userData'), 'guard')); // the other is the app's
  guardUpdate(guardParts({ file: stateFile(app), args: rest, log }))
    .then(
      (outcome) => log.info(`update: the guard goes, ${outcome}`),
      (error) => log.error(`update: the guard failed: ${error.message}`),
    )
    .finally(() => app.exit(0));
  return true;
}

function guardParts({ file, args, log }) {
  return {
    read: () => readState(file),
    write: (state) => writeState(file, state),
    files: exchange,
    start: processes.start,
    isRunning: processes.isRunning,
    kill: processes.killGroup,
    args,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    limits: LIMITS,
    log,
  };
}

/** Whether this version came by an update and is yet to be proven. @param {Electron.App} app */
function isOnTrial(app) {
  const here = { version: app.getVersion(), target: ownAppImage(process.env) };
  return standing(readState(stateFile(app)), here) === 'trial';
}

/**
 * Wire electron-updater with the service manager.
 * @param {object} parts
 * @param {Electron.App} parts.app
 * @param {() => object} parts.loadUpdater electron-updater's autoUpdater; asked for on first use,
 *   because it takes longer to load than the rest of the app
 * @param {typeof fetch} parts.fetch
 * @param {import('../service/manager.js').ServiceManager} parts.service
 * @param {() => import('../manifest/keys.js').Trust} parts.readTrust of this build
 * @param {string} parts.product as the manifest names it
 * @param {(channel: string, payload: object) => void} parts.push
 * @param {object} parts.log
 * @param {string[]} parts.argv without the program's own name
 * @returns {Record<string, () => Promise<object>>} what the window may ask for
 */
function setupUpdates(parts) {
  const { app, push, log } = parts;
  const target = ownAppImage(process.env);
  const file = stateFile(app);
  const common = {
    ...parts,
    version: app.getVersion(),
    target,
    files: exchange,
    write: (state) => writeState(file, state),
    args: processes.ownArguments(parts.argv).rest,
    start: processes.start,
    quit: () => app.quit(),
  };
  const news = takeUp({ ...common, state: readState(file) });
  let updater;
  const use = (work) => () => work((updater ??= makeUpdater(common)));
  app.on('web-contents-created', (_event, contents) => {
    contents.on('did-finish-load', () => {
      const status = updater?.status ?? news;
      if (status) push('update-status', status);
    });
  });
  log.debug(`updates: ${target ?? 'no AppImage'}`);
  return {
    'check-for-updates': use((it) => it.check()),
    'download-update': use((it) => it.download()),
    'install-update': use((it) => it.install()),
  };
}

function makeUpdater(common) {
  const autoUpdater = common.loadUpdater();
  const parts = { ...common, autoUpdater };
  return new Updater({
    autoUpdater,
    version: parts.version,
    statementOf: (version) => signedStatement(version, parts),
    install: (offer) => install(signedFile(offer), parts),
    whyDisabled: () => reason(parts),
    push: parts.push,
    log: parts.log,
  });
}

/**
 * Go on with what an earlier start left: a trial, or news for the user.
 * @returns {object | undefined} the news, as an `update-status`
 */
function takeUp({ app, state, version, target, write, service, log, args }) {
  const found = standing(state, { version, target });
  if (found === 'trial') {
    const startAgain = async (file) => {
      await processes.start(file, processes.afterThis(args));
      app.quit();
    };
    const trial = new Trial({ state, write, service, files: exchange, log, startAgain });
    trial.begin();
    const failed = (error) => log.error(`update: the trial: ${error.message}`);
    service.on('status', (payload) => trial.onStatus(payload).catch(failed));
    app.on('before-quit', () => trial.onQuit());
  }
  if (found === 'trial' || found === 'nothing') return undefined;
  if (found === 'not-installed' && target) exchange.clean(target);
  write({ ...state, phase: 'told', at: Date.now() });
  const cutOff = `The update to ${state.to} was cut off, so this is still ${version}.`;
  const [code, error] =
    found === 'put-back'
      ? ['UPDATE_PUT_BACK', `${state.reason}. ${version} was put back and works on.`]
      : ['UPDATE_CUT_OFF', cutOff];
  log.warning(`update: ${error}`);
  return { status: 'error', code, error, version: state.to };
}

/** What app-update.yml says, as electron-updater itself reads it: nobody else's copy can differ. */
async function configOf(autoUpdater) {
  try {
    return await autoUpdater.configOnDisk.value;
  } catch {
    return undefined;
  }
}

async function reason({ app, autoUpdater, readTrust, target }) {
  try {
    return whyDisabled({
      packaged: app.isPackaged,
      release: isRelease(readTrust()),
      system: process.platform,
      appImage: target,
      config: await configOf(autoUpdater),
    });
  } catch (error) {
    return `This build cannot check an update: ${error.message}.`;
  }
}

async function signedStatement(version, { autoUpdater, fetch, readTrust, product }) {
  const platform = platformName(process.platform, process.arch);
  const { url } = await configOf(autoUpdater);
  try {
    const address = statementUrl(url, version, platform);
    const envelope = await fetchStatement(fetch, address, LIMITS.statement);
    return openStatement(envelope, readTrust(), { product, version, platform });
  } catch (error) {
    if (error instanceof UpdateError) throw error;
    const message = `Version ${version} comes without a signed statement: ${error.message}.`;
    throw new UpdateError('UPDATE_NOT_SIGNED', message);
  }
}

/** The offer with the digest that was signed for its file. */
function signedFile({ version, file, statement }) {
  const stated = statement.files.get(path.basename(file));
  if (!stated) throw new UpdateError('UPDATE_NOT_SIGNED', `${path.basename(file)} is not signed.`);
  return { version, file, sha512: stated.sha512 };
}

module.exports = { beforeAnything, isOnTrial, setupUpdates };
