'use strict';

/** PEFT Studio's main process. How its parts are wired is in src/runtime-packager.js. */

const electron = require('electron');
const path = require('node:path');
const { setupRuntime } = require('./src/runtime-packager.js');
const { readSettings } = require('./src/settings.js');

setupRuntime({
  electron,
  settings: settingsOrEnd(),
  page: path.join(__dirname, 'window'),
  preload: path.join(__dirname, 'preload.js'),
  trust: path.join(__dirname, 'trust'),
  loadUpdater: () => require('electron-updater').autoUpdater,
});

function settingsOrEnd() {
  try {
    return readSettings(process.env);
  } catch (error) {
    electron.dialog.showErrorBox('PEFT Studio', error.message);
    return process.exit(2);
  }
}
