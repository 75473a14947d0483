'use strict';

/**
 * The window alone, with a fake in the place of main's services. `npm run window` shows it going
 * through its states; the tests play them one by one.
 */

const fs = require('node:fs');
const path = require('node:path');
const { app, BrowserWindow, ipcMain, protocol } = require('electron');
const { INVOKED } = require('../../../src/channels.js');
const scenes = require('./scenes.js');

const PAGES = path.join(__dirname, '../../../window');
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.mjs': 'text/javascript' };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
  "connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);

function serve(request) {
  const file = path.join(PAGES, path.normalize(new URL(request.url).pathname));
  if (!file.startsWith(PAGES) || !fs.existsSync(file)) return new Response('', { status: 404 });
  const headers = {
    'content-type': `${TYPES[path.extname(file)]}; charset=utf-8`,
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
  };
  return new Response(fs.readFileSync(file), { headers });
}

async function start() {
  await app.whenReady();
  protocol.handle('app', serve);
  for (const channel of INVOKED) ipcMain.handle(channel, () => scenes.ANSWERS[channel]);
  const window = new BrowserWindow({
    width: 900,
    height: 640,
    useContentSize: true,
    webPreferences: { preload: path.join(__dirname, 'preload.js'), sandbox: true },
  });
  window.removeMenu();
  // As in the app: no permission is ever granted, the clipboard's included.
  window.webContents.session.setPermissionRequestHandler((contents, permission, done) =>
    done(false),
  );
  window.webContents.session.setPermissionCheckHandler(() => false);
  await window.loadURL('app://peft-studio/index.html');
  if (process.argv.includes('--demo')) scenes.play(window);
}

start();
