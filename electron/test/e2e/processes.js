'use strict';

/**
 * Which processes of one run of the app are there, found by a variable that all of them inherit:
 * names and parents change, and an orphan has no parent that would tell. Chromium's own children
 * write over their environment, and name the run's home in their arguments. Linux alone.
 */

const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

/** The variable; its value is that of one run. */
const MARK = 'PEFT_STUDIO_E2E_RUN';
/** Electron's own programs; the renderer and its like are the first one too. */
const PROGRAMS = ['peft-studio', 'chrome_crashpad_handler'];
/** Milliseconds until a test gives up waiting: far more than anything takes on a busy machine. */
const PATIENCE = 60_000;

/**
 * @typedef {object} Found
 * @property {number} pid
 * @property {number} parent
 * @property {string} command its first words
 * @property {'app' | 'backend' | 'guard' | 'grandchild'} kind
 */

/**
 * The living processes of a run.
 * @param {string} mark
 * @returns {Found[]}
 */
function processesOf(mark) {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => examine(Number(pid), mark)).filter(Boolean);
}

function examine(pid, mark) {
  try {
    const environment = fs.readFileSync(`/proc/${pid}/environ`, 'latin1');
    const state = fs
      .readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (state[0] === 'Z') return undefined;
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    if (!environment.includes(`${MARK}=${mark}\0`) && !command.includes(mark)) return undefined;
    const program = fs.readlinkSync(`/proc/${pid}/exe`);
    const parent = Number(state[1]);
    return { pid, parent, command, kind: kindOf(program, command) };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function kindOf(program, command) {
  const name = path.basename(program);
  if (PROGRAMS.includes(name)) return 'app';
  if (name === 'peft_engine') return 'guard';
  const own = program.includes('/resources/backend/') && !command.includes('multiprocessing');
  return own ? 'backend' : 'grandchild';
}

/** Those that belong to the backend: of them nothing may be left. */
function familyOf(mark) {
  return processesOf(mark).filter(({ kind }) => kind !== 'app');
}

/** Send a signal to a process that may be gone already. */
function kill(pid, signal = 'SIGKILL') {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * Wait until something is so.
 * @template T
 * @param {string} what for the message when it never is
 * @param {() => T | Promise<T>} condition anything truthy ends the wait
 * @param {() => unknown} [seen] what the message says of how it was instead
 * @returns {Promise<T>}
 */
async function until(what, condition, seen) {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const found = await answerBefore(deadline, condition());
    if (found) return found;
    if (performance.now() > deadline) {
      const instead = seen ? `: ${JSON.stringify(await seen())}` : '';
      throw new Error(`waited in vain until ${what}${instead}`);
    }
    await pause(20);
  }
}

/** What a question is answered with; nothing when that never comes, as from a process that is gone. */
async function answerBefore(deadline, answer) {
  const late = new AbortController();
  const wait = Math.max(deadline - performance.now(), 0) + 1;
  const nothing = pause(wait, undefined, { signal: late.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer, nothing]);
  } finally {
    late.abort();
  }
}

module.exports = { MARK, familyOf, kill, processesOf, until };
