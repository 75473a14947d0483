'use strict';

/** PEFT Studio's main process: a list of setups. What they do is in src/. */

const electron = require('electron');
const path = require('node:path');
const channels = require('./src/channels.js');
const { Log } = require('./src/log.js');
const { originOf, readSettings } = require('./src/settings.js');
const { systemClock: clock } = require('./src/service/clock.js');
const { backendEnvironment, platformName } = require('./src/service/environment.js');
const { locate } = require('./src/service/locate.js');
const { ServiceManager } = require('./src/service/manager.js');
const { StateFile } = require('./src/service/state-file.js');
const { readTrust } = require('./src/service/trust.js');
const { Verification } = require('./src/service/verification.js');
const { setupEndings } = require('./src/shell/endings.js');
const { serviceHandlers } = require('./src/shell/handlers.js');
const { answerWindow } = require('./src/shell/ipc.js');
const { guardNavigation, refusePermissions } = require('./src/shell/navigation.js');
const { registerScheme, serveWindow } = require('./src/shell/protocol.js');
const { addToken } = require('./src/shell/token.js');
const { MainWindow } = require('./src/shell/window.js');
const { beforeAnything, isOnTrial, setupUpdates } = require('./src/updates/index.js');

const { app } = electron;
const settings = settingsOrEnd();
const origin = originOf(settings);
const trustDirectory = path.join(__dirname, 'trust');
/** What the user, or an update, started the app with. */
const argv = process.argv.slice(app.isPackaged ? 1 : 2);

registerScheme(electron, settings.scheme);
if (!beforeAnything({ app, argv, openLog: setupLog })) {
  if (app.requestSingleInstanceLock()) run();
  else app.quit();
}

function settingsOrEnd() {
  try {
    return readSettings(process.env);
  } catch (error) {
    electron.dialog.showErrorBox('PEFT Studio', error.message);
    return process.exit(2);
  }
}

function run() {
  const log = setupLog();
  const state = new StateFile(path.join(app.getPath('userData'), 'state.json'), log);
  const service = setupService(log, state);
  const window = setupWindow(log, service);
  setupEndings({ electron, process, service, log, title: settings.title });
  setupPushes(log, service, window);
  const updates = setupUpdates({
    app,
    loadUpdater: () => require('electron-updater').autoUpdater,
    fetch: electron.net.fetch,
    service,
    readTrust: () => readTrust(trustDirectory),
    product: settings.product,
    push: (channel, payload) => window.push(channel, payload),
    log,
    argv,
  });
  guardNavigation(electron, { origin, links: settings.links, log });
  app.on('second-instance', () => app.whenReady().then(() => window.show()));
  service.start(); // before the window: both take a moment
  app.whenReady().then(() => {
    const { defaultSession: session } = electron.session;
    const directory = path.join(__dirname, 'window');
    serveWindow(session, { scheme: settings.scheme, origin, directory, ports: settings.ports });
    refusePermissions(session);
    addToken(session, () => service.access, origin);
    electron.Menu.setApplicationMenu(app.isPackaged ? menu() : electron.Menu.getApplicationMenu());
    const handlers = { ...serviceHandlers({ electron, service, log }), ...updates };
    answerWindow(electron.ipcMain, handlers, { origin, log });
    window.show();
  });
}

function setupLog() {
  const file = path.join(app.getPath('logs'), 'peft-studio.log');
  const log = new Log({ file, every: settings.times.logBatch, clock, ...settings.log });
  const { electron: version, chrome, node } = process.versions;
  log.info(
    `${settings.title} ${app.getVersion()}, Electron ${version}, Chrome ${chrome}, Node ${node}`,
  );
  return log;
}

function setupService(log, state) {
  const platform = platformName(process.platform, process.arch);
  const verification = new Verification({
    trustDirectory,
    record: path.join(app.getPath('userData'), 'verified.json'),
    state,
    product: settings.product,
    platform,
    appVersion: app.getVersion(),
    onTrial: () => isOnTrial(app),
    clock,
    log,
  });
  const place = {
    packaged: app.isPackaged,
    resources: process.resourcesPath,
    project: __dirname,
    launcher: settings.launcher,
    platform: process.platform,
    python: { platform: process.platform, environment: process.env, wanted: settings.python },
  };
  const environment = backendEnvironment(process.env);
  return new ServiceManager({
    locate: () => locate(place),
    verification,
    settings,
    origin,
    environment,
    log,
  });
}

function setupWindow(log, service) {
  return new MainWindow(electron, {
    title: settings.title,
    url: `${origin}/index.html`,
    preload: path.join(__dirname, 'preload.js'),
    channels: { invoked: channels.INVOKED, pushed: channels.PUSHED },
    size: settings.window,
    devTools: !app.isPackaged,
    log,
    clock,
    onBroken: () => app.quit(),
    onLogout: () => service.killNow(),
  });
}

function setupPushes(log, service, window) {
  service.on('status', (payload) => window.push('backend-status', payload));
  log.onBatch = (batch) => window.push('backend-log', batch);
}

/** Packaged: editing, zooming, the window; neither reloading nor developer tools. */
function menu() {
  const zoom = ['resetZoom', 'zoomIn', 'zoomOut', 'togglefullscreen'].map((role) => ({ role }));
  const menus = [{ role: 'editMenu' }, { label: 'View', submenu: zoom }, { role: 'windowMenu' }];
  if (process.platform === 'darwin') menus.unshift({ role: 'appMenu' });
  return electron.Menu.buildFromTemplate(menus);
}
