'use strict';

/** Everything wired: an app's main process calls `setupRuntime`, and its backend is looked after. */

const path = require('node:path');
const channels = require('./channels.js');
const { originOf, withDefaults } = require('./defaults.js');
const { Log } = require('./log.js');
const { systemClock: clock } = require('./service/clock.js');
const { backendEnvironment, platformName } = require('./service/environment.js');
const { locate } = require('./service/locate.js');
const { ServiceManager } = require('./service/manager.js');
const { StateFile } = require('./service/state-file.js');
const { readTrust } = require('./service/trust.js');
const { Verification } = require('./service/verification.js');
const { setupEndings } = require('./shell/endings.js');
const { serviceHandlers } = require('./shell/handlers.js');
const { answerWindow } = require('./shell/ipc.js');
const { guardNavigation, refusePermissions } = require('./shell/navigation.js');
const { registerScheme, serveWindow } = require('./shell/protocol.js');
const { addToken } = require('./shell/token.js');
const { MainWindow } = require('./shell/window.js');
const { beforeAnything, isOnTrial, setupUpdates } = require('./updates/index.js');

/**
 * Verify, start and watch the backend, open the window, and end all of it with the app. To be called
 * in the first lines of the main process, before Electron is ready.
 * @param {object} options
 * @param {typeof import('electron')} options.electron
 * @param {object} options.settings for `withDefaults`: product, title, script and what is to differ
 * @param {string} options.page directory of the window's page, index.html
 * @param {string} [options.preload] the window's preload script; the one that comes with this
 * @param {string} [options.trust] directory with whom the app believes; trust/ of the app
 * @param {() => object} [options.loadUpdater] electron-updater's autoUpdater, for an app that updates
 *   itself
 * @returns {{service: ServiceManager, log: Log, window: MainWindow, origin: string} | undefined}
 *   nothing when this process is not the app, but its second instance or an update's guard: then do
 *   nothing, it ends by itself
 * @throws {TypeError} for settings that make no sense
 */
function setupRuntime(options) {
  const app = completed(options);
  const { electron, settings, argv } = app;
  registerScheme(electron, settings.scheme);
  if (beforeAnything({ app: electron.app, argv, openLog: () => openLog(app) })) return undefined;
  if (electron.app.requestSingleInstanceLock()) return run(app);
  electron.app.quit();
  return undefined;
}

function completed({ electron, settings: given, page, preload, trust, loadUpdater }) {
  const settings = withDefaults(given);
  return {
    electron,
    settings,
    origin: originOf(settings),
    page,
    preload: preload ?? path.join(__dirname, 'preload.js'),
    trust: trust ?? path.join(electron.app.getAppPath(), 'trust'),
    loadUpdater,
    /** What the user, or an update, started the app with. */
    argv: process.argv.slice(electron.app.isPackaged ? 1 : 2),
  };
}

function run(app) {
  const { electron, settings, origin } = app;
  const log = openLog(app);
  const state = new StateFile(path.join(electron.app.getPath('userData'), 'state.json'), log);
  const service = makeService(app, log, state);
  const window = makeWindow(app, log, service);
  setupEndings({ electron, process, service, log, title: settings.title });
  service.on('status', (payload) => window.push('backend-status', payload));
  log.onBatch = (batch) => window.push('backend-log', batch);
  const updates = app.loadUpdater ? updatesOf(app, log, service, window) : {};
  guardNavigation(electron, { origin, links: settings.links, log });
  electron.app.on('second-instance', () => electron.app.whenReady().then(() => window.show()));
  service.start(); // before the window: both take a moment
  electron.app.whenReady().then(() => {
    setupSession(app, service);
    const handlers = { ...serviceHandlers({ electron, service, log }), ...updates };
    answerWindow(electron.ipcMain, handlers, { origin, log });
    window.show();
  });
  return { service, log, window, origin };
}

function setupSession({ electron, settings, origin, page }, service) {
  const { defaultSession: session } = electron.session;
  const { scheme, ports } = settings;
  serveWindow(session, { scheme, origin, directory: page, ports });
  refusePermissions(session);
  addToken(session, () => service.access, origin);
  const { Menu, app } = electron;
  Menu.setApplicationMenu(app.isPackaged ? menu(Menu) : Menu.getApplicationMenu());
}

function openLog({ electron, settings }) {
  const file = path.join(electron.app.getPath('logs'), `${settings.product}.log`);
  const log = new Log({ file, every: settings.times.logBatch, clock, ...settings.log });
  const { electron: version, chrome, node } = process.versions;
  log.info(
    `${settings.title} ${electron.app.getVersion()}, Electron ${version}, Chrome ${chrome}, Node ${node}`,
  );
  return log;
}

function makeService({ electron, settings, origin, trust }, log, state) {
  const { app } = electron;
  const platform = platformName(process.platform, process.arch);
  const verification = new Verification({
    trustDirectory: trust,
    record: path.join(app.getPath('userData'), 'verified.json'),
    state,
    product: settings.product,
    platform,
    appVersion: app.getVersion(),
    onTrial: () => isOnTrial(app),
    clock,
    log,
  });
  const { platform: system, env: environment } = process;
  const { python: wanted, pythonVariable: variable } = settings;
  const place = {
    packaged: app.isPackaged,
    resources: process.resourcesPath,
    script: settings.script,
    launcher: settings.launcher,
    platform: system,
    python: { platform: system, environment, wanted, variable },
  };
  return new ServiceManager({
    locate: () => locate(place),
    verification,
    settings,
    origin,
    environment: backendEnvironment(environment, settings.withheld),
    log,
  });
}

function makeWindow({ electron, settings, origin, preload }, log, service) {
  return new MainWindow(electron, {
    title: settings.title,
    url: `${origin}/index.html`,
    preload,
    bridge: {
      name: settings.bridge,
      invoked: channels.INVOKED,
      pushed: channels.PUSHED,
    },
    size: settings.window,
    devTools: !electron.app.isPackaged,
    log,
    clock,
    onBroken: () => electron.app.quit(),
    onLogout: () => service.killNow(),
  });
}

function updatesOf({ electron, settings, trust, loadUpdater, argv }, log, service, window) {
  return setupUpdates({
    app: electron.app,
    loadUpdater,
    fetch: electron.net.fetch,
    service,
    readTrust: () => readTrust(trust),
    product: settings.product,
    push: (channel, payload) => window.push(channel, payload),
    log,
    argv,
  });
}

/** Packaged: editing, zooming, the window; neither reloading nor developer tools. */
function menu(Menu) {
  const zoom = ['resetZoom', 'zoomIn', 'zoomOut', 'togglefullscreen'].map((role) => ({ role }));
  const menus = [{ role: 'editMenu' }, { label: 'View', submenu: zoom }, { role: 'windowMenu' }];
  if (process.platform === 'darwin') menus.unshift({ role: 'appMenu' });
  return Menu.buildFromTemplate(menus);
}

module.exports = { setupRuntime };
