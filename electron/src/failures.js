'use strict';

/** The failures a person is shown: a stable code, a title, what to do, and which buttons help. */

/**
 * @typedef {object} Kind
 * @property {string} title a few words
 * @property {string} advice a sentence that says what to do
 * @property {string[]} actions of `retry`, `restart`, `verify`, `open-log`, `reinstall`
 */

/** @type {Readonly<Record<string, Readonly<Kind>>>} */
const KINDS = Object.freeze({
  PYTHON_NOT_FOUND: {
    title: 'No suitable Python',
    advice: 'Install Python 3.10 or newer, then retry.',
    actions: ['retry', 'open-log'],
  },
  EXECUTABLE_NOT_FOUND: {
    title: 'The engine is missing',
    advice: 'The installation may be corrupted, please reinstall.',
    actions: ['reinstall', 'open-log'],
  },
  PERMISSION_DENIED: {
    title: 'The engine may not be started',
    advice:
      'Its file may have lost its permissions, or a security program holds it: ' +
      'allow it there, or reinstall.',
    actions: ['retry', 'reinstall', 'open-log'],
  },
  PORT_IN_USE: {
    title: 'The port is taken',
    advice: 'Another program uses it: close that program, or retry to take another port.',
    actions: ['retry', 'open-log'],
  },
  NO_AVAILABLE_PORTS: {
    title: 'All ports are taken',
    advice: 'Close a program that uses one of them, then retry.',
    actions: ['retry', 'open-log'],
  },
  MISSING_PACKAGE: {
    title: 'A module is missing',
    advice: 'The installation is not complete, please reinstall.',
    actions: ['verify', 'reinstall', 'open-log'],
  },
  PROCESS_START_FAILED: {
    title: 'The engine ended while it started',
    advice: 'Retry. If it happens again, the log says why.',
    actions: ['retry', 'verify', 'open-log'],
  },
  START_TIMEOUT: {
    title: 'The engine does not answer',
    advice: 'The machine may be busy: retry. If it happens again, the log says how far it came.',
    actions: ['restart', 'open-log'],
  },
  MAX_RESTARTS_EXCEEDED: {
    title: 'The engine keeps crashing',
    advice: 'Verify the installation; the log says what came before each crash.',
    actions: ['restart', 'verify', 'open-log'],
  },
  INTEGRITY_FAILED: {
    title: 'The installation was changed',
    advice: 'It is not used any further. Please reinstall; your data is kept.',
    actions: ['verify', 'reinstall', 'open-log'],
  },
});

/** A failure with one of the codes above; `details` are plain values for the window and the log. */
class BackendError extends Error {
  /**
   * @param {string} code
   * @param {string} message what happened, naming the thing
   * @param {object} [details] such as `{module}`, `{port}`, `{path}`, `{files, count}`, `{output}`
   */
  constructor(code, message, details = {}) {
    super(message);
    if (!Object.hasOwn(KINDS, code)) throw new TypeError(`unknown failure ${code}`);
    this.name = 'BackendError';
    this.code = code;
    this.details = details;
  }

  /** What the window is told. */
  toPayload() {
    return { error: this.message, code: this.code, ...KINDS[this.code], details: this.details };
  }
}

module.exports = { BackendError, KINDS };
