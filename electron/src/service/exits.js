'use strict';

/** What the end of the backend's process means. */

const { BackendError } = require('../failures.js');

/**
 * What a backend ends with when the data directory cannot be had (another backend has it, it is
 * read-only, a newer one wrote it), a package is missing, its port taken, its command line wrong.
 */
const DATA_DIRECTORY = 96;
const MISSING_PACKAGE = 97;
const PORT_TAKEN = 98;
const USAGE = 2;
/** docs/reference/launcher.md: what the launcher itself has to say. */
const LAUNCHER = [70, 79];

/** Exits that will be the same however often it is tried. */
const HOPELESS = new Set([USAGE, MISSING_PACKAGE]);
/** How the backend begins the sentence with which it gives up. */
const PROGRAM = /^peft_engine: /;

/**
 * Why a start ended.
 * @param {import('./child.js').Exit} exit
 * @param {string[]} output its last lines
 * @param {number} port the one it was given
 * @returns {BackendError} PORT_IN_USE when another port may do
 */
function startFailure({ code, signal }, output, port) {
  const details = { exitCode: code, signal, output };
  if (code === PORT_TAKEN) {
    return new BackendError('PORT_IN_USE', `port ${port} was taken meanwhile`, {
      ...details,
      port,
    });
  }
  const module = missingModule(output);
  if (code === MISSING_PACKAGE || module) {
    const name = module ?? 'unknown';
    return new BackendError('MISSING_PACKAGE', `the Python module ${name} is missing`, {
      ...details,
      module: name,
    });
  }
  if (code === DATA_DIRECTORY) {
    const sentence = output.at(-1)?.replace(PROGRAM, '') ?? 'the data directory cannot be used';
    return new BackendError('PROCESS_START_FAILED', sentence, { ...details, hopeless: true });
  }
  if (isLaunchers(code)) {
    const sentence = output.at(-1) ?? `the launcher gave up with exit code ${code}`;
    return new BackendError('PROCESS_START_FAILED', sentence, { ...details, hopeless: true });
  }
  const message = `the engine ended while it started, ${ending({ code, signal })}`;
  const hopeless = HOPELESS.has(code) && { hopeless: true };
  return new BackendError('PROCESS_START_FAILED', message, { ...details, ...hopeless });
}

/**
 * Why a backend that was ready is not there any more.
 * @param {import('./child.js').Exit} exit
 * @param {string[]} output its last lines
 */
function crash({ code, signal }, output) {
  const message = `the engine ended, ${ending({ code, signal })}`;
  return new BackendError('PROCESS_START_FAILED', message, { exitCode: code, signal, output });
}

function ending({ code, signal }) {
  return signal ? `by ${signal}` : `exit code ${code}`;
}

function isLaunchers(code) {
  return code !== null && code >= LAUNCHER[0] && code <= LAUNCHER[1];
}

/** The module that Python says it lacks, if it does. */
function missingModule(output) {
  for (const line of [...output].reverse()) {
    const found = /\bNo module named '?([\w.]+)'?/.exec(line);
    if (found) return found[1];
  }
  return undefined;
}

module.exports = { crash, startFailure };
