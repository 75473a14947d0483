'use strict';

/** Starting the app's own files anew, and knowing when a process is gone. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');

const AFTER = '--after-process=';
const GUARD = '--guard-update';
/** What an AppImage's runtime sets for the app in it; a new start has to set its own. */
const APPIMAGE_VARIABLES = ['APPIMAGE', 'APPDIR', 'ARGV0', 'OWD'];
const POLL = 50;

/**
 * What this module put into a command line, and the rest of it.
 * @param {string[]} argv without the program's own name
 * @returns {{after?: number, guard: boolean, rest: string[]}}
 */
function ownArguments(argv) {
  const named = argv.find((text) => text.startsWith(AFTER));
  const after = named && Number(named.slice(AFTER.length));
  return {
    ...(Number.isSafeInteger(after) && after > 1 && { after }),
    guard: argv.includes(GUARD),
    rest: argv.filter((text) => text !== GUARD && !text.startsWith(AFTER)),
  };
}

/**
 * Whether a process runs; one that only waits to be reaped does not.
 * @param {number} pid
 */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  try {
    const status = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2));
  } catch {
    return process.platform !== 'linux';
  }
}

/**
 * Block until a process is gone. Only for the first lines of the main process: nothing runs yet
 * that could be blocked, and the single-instance lock is free afterwards.
 * @param {number} pid
 * @param {number} limit milliseconds
 * @returns {boolean} whether it is gone
 */
function waitForEnd(pid, limit) {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; isRunning(pid); waited += POLL) {
    if (waited >= limit) return false;
    Atomics.wait(cell, 0, 0, POLL);
  }
  return true;
}

/**
 * Start an AppImage as a process of its own, in its own group.
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<import('node:child_process').ChildProcess>} rejects when it cannot be started
 */
function start(file, args) {
  const env = { ...process.env };
  for (const name of APPIMAGE_VARIABLES) delete env[name];
  const child = spawn(file, args, { detached: true, env, stdio: 'ignore' });
  child.unref();
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
}

/**
 * End a process that `start` started, and all that it started in its group.
 * @param {number} pid
 */
function killGroup(pid) {
  killOne(-pid);
}

/** End a process alone, whatever it is doing. @param {number} pid */
function killOne(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it is gone already
  }
}

/** The arguments for a start that waits until this process is gone. */
function afterThis(args) {
  return [`${AFTER}${process.pid}`, ...args];
}

/** The arguments that make a start the guard of an update, once this process is gone. */
function guardAfterThis(args) {
  return [GUARD, ...afterThis(args)];
}

module.exports = {
  afterThis,
  guardAfterThis,
  isRunning,
  killGroup,
  killOne,
  ownArguments,
  start,
  waitForEnd,
};
