'use strict';

/**
 * Another app than PEFT Studio: its own name, its own Python, and of ours only what
 * `runtime-packager init --electron` writes. Assembled, packaged and started as its authors would.
 */

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { findPackager } = require('../../src/builder/tools.js');
const { VERSION, electronDist } = require('./real-electron.js');

const PROJECT = path.join(__dirname, '..', '..', '..');
const BUILDER = require.resolve('electron-builder/cli.js');
const PACKAGE = {
  name: 'tide-table',
  productName: 'Tide Table',
  version: '1.2.3',
  description: 'Tides',
  author: 'Somebody <somebody@example.org>',
  main: 'main.js',
  devDependencies: { electron: VERSION, 'electron-builder': '26' },
};
const TABLE = `[tool.runtime-packager]
name = "tide-table"
version = "1.2.3"
app = "backend"
entry = "main.py"
python = "3.12.14"
platforms = ["linux-x64"]
output = "runtime"
launcher = "tide_engine"
`;

/** A foreign project in a directory of its own. */
class ForeignProject {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tide-table-'));
    const environment = { PYTHONPATH: PROJECT, RUNTIME_PACKAGER_PROGRAM: findPackager(PROJECT) };
    this.environment = { ...process.env, ...environment };
    this.write('package.json', JSON.stringify(PACKAGE));
    this.write('pyproject.toml', `${TABLE}\n${sources()}`);
    this.write('backend/main.py', fs.readFileSync(this.ours('src/example/backend.py')));
  }

  ours(name) {
    return path.join(PROJECT, 'electron', name);
  }

  write(name, data) {
    const file = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, data);
  }

  read(name) {
    return fs.readFileSync(path.join(this.folder, name), 'utf8');
  }

  packager(...words) {
    const options = { cwd: this.folder, env: this.environment, stdio: 'pipe' };
    return execFileSync(findPackager(PROJECT), words, options).toString();
  }

  /** What the command says is next, with ports of this test. */
  follow() {
    const example = this.read('runtime-packager/example-main.js');
    const ports = `ports: process.env.TIDE_PORTS.split(',').map(Number),`;
    this.write('main.js', example.replace("title: 'Tide Table',", `$& ${ports}`));
    const page = path.join(this.folder, 'runtime-packager', 'example', 'window');
    fs.cpSync(page, path.join(this.folder, 'window'), { recursive: true });
    this.packager('assemble', '--quiet');
    this.packager('keys', 'trusted', 'runtime/linux-x64', '--output', 'trust');
  }

  /** Package it; @returns {string} the directory of the app */
  pack() {
    const words = ['--linux', 'dir', '--publish', 'never'];
    words.push(`-c.electronDist=${electronDist('linux')}`, `-c.electronVersion=${VERSION}`);
    words.push('-c.npmRebuild=false');
    // A release has it off; Playwright drives the main process through it.
    words.push('-c.electronFuses.enableNodeCliInspectArguments=true');
    const options = { cwd: this.folder, env: this.environment, encoding: 'utf8' };
    const { status, stdout, stderr } = spawnSync(process.execPath, [BUILDER, ...words], options);
    this.packed = stdout + stderr;
    if (status !== 0) throw new Error(`packaging failed: ${this.packed}`);
    return path.join(this.folder, 'release', 'linux-unpacked');
  }

  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Where interpreters come from: as for PEFT Studio. */
function sources() {
  const text = fs.readFileSync(path.join(PROJECT, 'pyproject.toml'), 'utf8');
  return text.slice(text.indexOf('[[tool.runtime-packager.sources]]'));
}

module.exports = { ForeignProject };
