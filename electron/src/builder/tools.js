'use strict';

/** Starting other programs: found where they are expected, and their words kept for when they fail. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/** How many of a failed program's last lines stand in the error. */
const LINES = 15;

/** A program that is not there, or that failed; its message says which and why. */
class ToolError extends Error {}

/**
 * Run a program to its end.
 * @param {string} program
 * @param {string[]} words its arguments; never a secret, every process can read them
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, echo?: boolean, hint?: string}} [options]
 *   `echo`: its output goes to ours; `hint`: what to do when the program is missing
 * @returns {Promise<string>} what it wrote to standard output
 * @throws {ToolError} when it cannot be started or ends with anything but 0
 */
function run(program, words, { cwd, env, echo = false, hint = '' } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', echo ? 'inherit' : 'pipe', echo ? 'inherit' : 'pipe'];
    const child = spawn(program, words, { cwd, env, stdio, windowsHide: true });
    const output = [];
    const answer = [];
    child.stdout?.on('data', (data) => {
      answer.push(data);
      output.push(data);
    });
    child.stderr?.on('data', (data) => output.push(data));
    child.on('error', (error) => {
      const missing = error.code === 'ENOENT' ? 'is not installed' : `cannot run: ${error.message}`;
      reject(new ToolError(`${program} ${missing}${hint && `; ${hint}`}`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(answer).toString());
      const said = Buffer.concat(output).toString().trimEnd().split('\n').slice(-LINES).join('\n');
      const how = signal ? `ended by ${signal}` : `exit code ${code}`;
      return reject(new ToolError(`${path.basename(program)}: ${how}${said && `\n${said}`}`));
    });
  });
}

/**
 * The runtime-packager to use: RUNTIME_PACKAGER_PROGRAM, else that of the virtual environment in
 * `folder` or above, else the one on PATH.
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [platform] as `process.platform`
 * @returns {string}
 */
function findPackager(folder, env = process.env, platform = process.platform) {
  if (env.RUNTIME_PACKAGER_PROGRAM) return env.RUNTIME_PACKAGER_PROGRAM;
  const inside = platform === 'win32' ? 'Scripts/runtime-packager.exe' : 'bin/runtime-packager';
  let at = path.resolve(folder);
  for (;;) {
    const found = path.join(at, '.venv', inside);
    if (fs.existsSync(found)) return found;
    const above = path.dirname(at);
    if (above === at) return 'runtime-packager';
    at = above;
  }
}

/** What to do when there is no runtime-packager. */
const PACKAGER_HINT =
  'install it with `pip install runtime-packager`, or run `make assemble` where this repository is';

/**
 * `work` for each of `items`, at most `limit` at a time. The first failure is thrown, once all that
 * had begun is done: nothing goes on behind the caller's back.
 * @template T
 * @param {T[]} items
 * @param {number} limit
 * @param {(item: T) => Promise<void>} work
 */
async function inParallel(items, limit, work) {
  const waiting = [...items];
  const failures = [];
  const worker = async () => {
    while (waiting.length && !failures.length) {
      await work(waiting.shift()).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length) throw failures[0];
}

module.exports = { PACKAGER_HINT, ToolError, findPackager, inParallel, run };
