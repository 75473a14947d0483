'use strict';

/** Every name that main and window exchange; preload.js lets nothing else through. */

/** Asked by the window, answered by main. */
const INVOKED = Object.freeze([
  'backend-status',
  'backend-restart',
  'backend-force-restart',
  'backend-health-check',
  'backend-get-logs',
  'backend-check-port',
  'backend-verify',
  'open-log-file',
  'get-app-version',
  'check-for-updates',
  'download-update',
  'install-update',
]);

/** Pushed by main to the window. */
const PUSHED = Object.freeze([
  'backend-status',
  'backend-log',
  'backend-verify-progress',
  'update-status',
  'update-available',
  'update-download-progress',
  'update-downloaded',
  'update-checksum-failed',
]);

module.exports = { INVOKED, PUSHED };
