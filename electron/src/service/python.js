'use strict';

/** The Python of development mode: the first that is new enough, each asked for its version. */

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { BackendError } = require('../failures.js');

/** Version that the backend's requirements ask for. */
const OLDEST = [3, 10];
const NEWEST_MINOR = 14;
const QUESTION = 'import sys; print("%d.%d.%d" % sys.version_info[:3]); print(sys.executable)';
const PATIENCE = 10_000; // ms; a first start on a slow disk takes seconds

/**
 * @typedef {object} Search
 * @property {NodeJS.Platform} platform
 * @property {Record<string, string | undefined>} environment
 * @property {string} [variable] that names one, for the message
 * @property {string} [wanted] the one that was asked for by name: no other is taken then
 */

/**
 * @param {Search} search
 * @returns {Promise<{command: string, version: string}>} `command` is absolute
 * @throws {BackendError} PYTHON_NOT_FOUND, which says what was looked at and why it would not do
 */
async function findPython(search) {
  const looked = [];
  for (const candidate of candidates(search)) {
    const answer = await ask(candidate);
    if (answer.version && isNewEnough(answer.version)) return answer;
    looked.push(
      `${candidate.join(' ')}: ${answer.version ? `is ${answer.version}` : answer.error}`,
    );
  }
  const help = search.variable ? `; ${search.variable} can name one` : '';
  const message = `no Python ${OLDEST.join('.')} or newer: ${looked.join('; ') || 'none found'}${help}`;
  throw new BackendError('PYTHON_NOT_FOUND', message, { looked });
}

/**
 * What may be a Python, the best first; each a command with its arguments.
 * @param {Search} search
 * @returns {string[][]}
 */
function candidates({ platform, environment, wanted }) {
  if (wanted) return [[wanted]];
  const windows = platform === 'win32';
  const found = activated(environment, windows).map((file) => [file]);
  const programs = onPath(environment, windows).filter((file) => !isStoreStub(file, windows));
  found.push(...programs.map((file) => [file]));
  if (windows) found.push(['py', '-3']);
  if (platform === 'darwin') found.push(...macPlaces().map((file) => [file]));
  return found.filter(([file], index) => found.findIndex(([other]) => other === file) === index);
}

/** The interpreter of a virtual environment that was activated in the shell. */
function activated({ VIRTUAL_ENV, CONDA_PREFIX }, windows) {
  const places = [];
  if (VIRTUAL_ENV)
    places.push(path.join(VIRTUAL_ENV, windows ? 'Scripts/python.exe' : 'bin/python'));
  if (CONDA_PREFIX) places.push(path.join(CONDA_PREFIX, windows ? 'python.exe' : 'bin/python'));
  return places;
}

function names(windows) {
  const minors = Array.from({ length: NEWEST_MINOR - 9 }, (_, index) => NEWEST_MINOR - index);
  const all = ['python3', 'python', ...minors.map((minor) => `python3.${minor}`)];
  return windows ? all.map((name) => `${name}.exe`) : all;
}

/** By name first, then by directory: `python3` anywhere is preferred to a particular version. */
function onPath(environment, windows) {
  const text = environment.PATH ?? environment.Path ?? '';
  const directories = text
    .split(windows ? ';' : ':')
    .filter((directory) => path.isAbsolute(directory));
  const files = names(windows).flatMap((name) =>
    directories.map((place) => path.join(place, name)),
  );
  return files.filter((file) => fs.existsSync(file));
}

/** Windows puts programs of this name on PATH that only open its shop. */
function isStoreStub(file, windows) {
  return windows && /[\\/]Microsoft[\\/]WindowsApps[\\/]/i.test(file);
}

/** Programs started from the Finder do not get the shell's PATH. */
function macPlaces() {
  const versions = '/Library/Frameworks/Python.framework/Versions';
  const places = ['/opt/homebrew/bin/python3', '/usr/local/bin/python3'];
  places.push(`${versions}/Current/bin/python3`);
  return places.filter((file) => fs.existsSync(file));
}

function ask([command, ...args]) {
  return new Promise((resolve) => {
    const options = { timeout: PATIENCE, windowsHide: true, encoding: 'utf8' };
    execFile(command, [...args, '-I', '-c', QUESTION], options, (error, stdout) => {
      const [version, executable] = stdout.trim().split(/\r?\n/);
      if (!error && executable) resolve({ command: executable, version });
      else resolve({ error: error ? reasonOf(error) : 'gave no answer' });
    });
  });
}

function reasonOf(error) {
  if (error.code === 'ENOENT') return 'not there';
  if (error.killed) return `no answer in ${PATIENCE / 1000} s`;
  return typeof error.code === 'number' ? `exit code ${error.code}` : String(error.code);
}

/**
 * Whether it is one that the backend runs on.
 * @param {string} version such as `3.10.4`
 */
function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

module.exports = { candidates, findPython, isNewEnough };
