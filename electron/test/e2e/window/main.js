'use strict';

/**
 * The window alone, with a fake in the place of main's services. `npm run window` shows it going
 * through its states; the tests play them one by one.
 */

const path = require('node:path');
const electron = require('electron');
const { INVOKED } = require('../../../src/channels.js');
const { originOf, readSettings } = require('../../../src/settings.js');
const { refusePermissions } = require('../../../src/shell/navigation.js');
const { registerScheme, serveWindow } = require('../../../src/shell/protocol.js');
const scenes = require('./scenes.js');

const { app, BrowserWindow, ipcMain } = electron;
const { scheme, ports, ...settings } = readSettings({});
const origin = originOf({ scheme, ...settings });

registerScheme(electron, scheme);

function setUp() {
  const session = electron.session.defaultSession;
  const directory = path.join(__dirname, '../../../window');
  serveWindow(session, { scheme, origin, directory, ports });
  refusePermissions(session);
  for (const channel of INVOKED) ipcMain.handle(channel, () => scenes.ANSWERS[channel]);
}

async function open() {
  const window = new BrowserWindow({
    width: 900,
    height: 640,
    useContentSize: true,
    webPreferences: { preload: path.join(__dirname, 'preload.js'), sandbox: true },
  });
  window.removeMenu();
  await window.loadURL(`${origin}/index.html`);
  return window;
}

app.whenReady().then(async () => {
  setUp();
  // A test opens it when it is attached: Playwright may wait for ever for a page that it finds in
  // the middle of its first navigation.
  if (process.argv.includes('--demo')) scenes.play(await open());
  else global.openWindow = open;
});
app.on('window-all-closed', () => app.quit());
