'use strict';

/** electron-builder's afterSign hook: the app's signature touched nothing of the runtime; then Apple's word. */

const fs = require('node:fs');
const path = require('node:path');
const { notarize } = require('./notarize.js');
const { readTrust } = require('../service/trust.js');
const { verifyPackaged } = require('./verify-packaged.js');

/**
 * @param {import('electron-builder').AfterPackContext} context
 * @throws {Error} when a runtime is not what was sealed, or notarisation was asked for and failed
 */
async function afterSign(context) {
  const { packager } = context;
  const trust = readTrust(path.join(packager.projectDir, 'trust'));
  await verifyPackaged(packager.getResourcesDir(context.appOutDir), trust);
  if (context.electronPlatformName !== 'darwin') return;
  const bundle = fs.readdirSync(context.appOutDir).find((name) => name.endsWith('.app'));
  await notarize(path.join(context.appOutDir, bundle));
}

module.exports = { afterSign, default: afterSign };
