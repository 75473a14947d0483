'use strict';

/**
 * A browser with a page of somebody else: it loads `address` (argument) from a name that points to
 * this machine, runs what tries to get at the backend, and prints what it got as JSON.
 */

const { app, BrowserWindow } = require('electron');

const [address, attack] = process.argv.slice(-2);

app.whenReady().then(async () => {
  const window = new BrowserWindow({ show: false });
  await window.loadURL(address).catch((error) => finish({ loaded: error.message }));
  finish(await window.webContents.executeJavaScript(attack));
});

function finish(found) {
  process.stdout.write(`FOUND ${JSON.stringify(found)}\n`, () => app.exit(0));
}
