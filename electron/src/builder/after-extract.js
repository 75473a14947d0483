'use strict';

/** electron-builder's afterExtract hook: Electron's own sample app goes, also from an Electron we brought. */

const fs = require('node:fs');
const path = require('node:path');

/**
 * @param {import('electron-builder').AfterPackContext} context
 */
async function afterExtract({ appOutDir, electronPlatformName }) {
  const bundles = fs.readdirSync(appOutDir).filter((name) => name.endsWith('.app'));
  const resources =
    electronPlatformName === 'darwin'
      ? bundles.map((name) => path.join(appOutDir, name, 'Contents', 'Resources'))
      : [path.join(appOutDir, 'resources')];
  for (const folder of resources) fs.rmSync(path.join(folder, 'default_app.asar'), { force: true });
}

module.exports = { afterExtract, default: afterExtract };
