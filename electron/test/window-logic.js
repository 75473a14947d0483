'use strict';

/** What the tests of the window's logic share: its modules, all names in one object. */

const { before } = require('node:test');
const { BackendError } = require('../src/failures.js');

const NAMES = [
  'clean-text',
  'describe',
  'diagnostics',
  'facts',
  'format',
  'history',
  'log-buffer',
  'phases',
  'problems',
  'state',
  'updates',
];
const logic = {};

// They are ES modules, which pages need; this waits for them before the first test.
before(async () => {
  for (const name of NAMES) Object.assign(logic, await import(`../window/logic/${name}.mjs`));
});

/** A moment, milliseconds since 1970. */
const AT = Date.UTC(2026, 10, 24, 15, 40, 0);

/** The state after events `[channel, payload]`, each a second after the one before. */
function after(...events) {
  return events.reduce(
    (state, [channel, payload], place) =>
      logic.reduce(state, channel, payload, payload?.at ?? AT + 1000 * place),
    logic.INITIAL,
  );
}

/** A pushed `backend-status`. */
const status = (payload) => ['backend-status', { at: AT, ...payload }];

/** What main says of a failure. */
const failure = (code, details) => new BackendError(code, 'what happened', details).toPayload();

module.exports = { AT, after, failure, logic, status };
