'use strict';

/** What is to be started, packaged and in development. */

const fs = require('node:fs');
const path = require('node:path');
const { BackendError } = require('../failures.js');
const { findPython } = require('./python.js');

/**
 * What is to be started.
 * @typedef {object} Place
 * @property {'packaged' | 'development'} mode
 * @property {string} path the launcher or the script: what the log and the window name
 * @property {string} [tree] the runtime that is verified; packaged only
 * @property {string} command
 * @property {string[]} args before those of the backend itself
 * @property {string} lifeline the argument that ends it with its standard input
 */

/**
 * @param {object} options
 * @param {boolean} options.packaged `app.isPackaged`
 * @param {string} options.resources `process.resourcesPath`
 * @param {string} [options.script] the backend's script; development only
 * @param {string} options.launcher its name without suffix
 * @param {NodeJS.Platform} options.platform
 * @param {object} options.python for `findPython`
 * @returns {Promise<Place>}
 * @throws {BackendError} EXECUTABLE_NOT_FOUND, PYTHON_NOT_FOUND
 */
async function locate(options) {
  return options.packaged ? packagedPlace(options) : developmentPlace(options);
}

function packagedPlace({ resources, launcher, platform }) {
  const tree = path.join(resources, 'backend');
  const file = path.join(tree, platform === 'win32' ? `${launcher}.exe` : launcher);
  requireFile(file);
  return {
    mode: 'packaged',
    path: file,
    tree,
    command: file,
    args: ['--runtime-exit-on-stdin-eof'],
    lifeline: [],
  };
}

async function developmentPlace({ script, python }) {
  if (!script) throw new BackendError('EXECUTABLE_NOT_FOUND', 'no script is set for development');
  requireFile(script);
  const { command, version } = await findPython(python);
  return {
    mode: 'development',
    path: script,
    command,
    python: version,
    args: ['-u', script],
    lifeline: ['--exit-on-stdin-eof'],
  };
}

function requireFile(file) {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return;
  throw new BackendError('EXECUTABLE_NOT_FOUND', `${file} is missing`, { path: file });
}

module.exports = { locate };
