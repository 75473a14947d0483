'use strict';

/**
 * A runtime whose app is misbehaving/main.py: assembled, sealed and signed like the real one, with
 * the same interpreter, launcher and key. What it does is asked of it in E2E_BACKEND.
 */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { findPackager } = require('../../src/builder/tools.js');
const { PLACE, PROJECT } = require('./packaged.js');

/**
 * Assemble it; quick when nothing has changed.
 * @returns {string} the tree
 */
function misbehavingRuntime() {
  const project = path.join(PLACE, 'misbehaving');
  const cache = process.env.RUNTIME_PACKAGER_CACHE || path.join(PROJECT, 'cache');
  const settled = fs.readFileSync(path.join(PROJECT, 'pyproject.toml'), 'utf8');
  const settings = {
    name: 'peft-studio',
    version: '0.1.0',
    app: path.join(__dirname, 'misbehaving'),
    entry: 'main.py',
    requirements: [],
    python: /^python = "(.*)"$/m.exec(settled)[1],
    platforms: ['linux-x64'],
    output: 'dist',
    launcher: 'peft_engine',
    cache,
    pins: path.join(PROJECT, 'manifests', 'interpreters.json'),
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const text = ['[tool.runtime-packager]', ...lines, ...sourcesOf(settled)].join('\n');
  fs.mkdirSync(project, { recursive: true });
  fs.writeFileSync(path.join(project, 'pyproject.toml'), text);
  const words = ['assemble', '--project', project, '--platform', 'linux-x64'];
  execFileSync(findPackager(PROJECT), words, { cwd: PROJECT, stdio: 'pipe' });
  return path.join(project, 'dist', 'linux-x64');
}

/** The tables that say where interpreters come from, taken over as they stand. */
function sourcesOf(text) {
  return text.match(/^\[\[tool\.runtime-packager\.sources\]\]\n(?:[^[\n].*\n?)*/gm);
}

module.exports = { misbehavingRuntime };
