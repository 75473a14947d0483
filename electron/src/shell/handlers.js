'use strict';

/** What the window's requests do. */

/** Lines that are answered when the window names no number. */
const LINES = 1000;

/**
 * The answers of the service, the log and the app itself.
 * @param {object} options
 * @param {object} options.electron `{app, shell}`
 * @param {import('../service/manager.js').ServiceManager} options.service
 * @param {import('../log.js').Log} options.log
 * @returns {Record<string, (argument: any) => unknown>}
 */
function serviceHandlers({ electron, service, log }) {
  return {
    'backend-status': () => service.status,
    'backend-restart': () => service.restart(),
    'backend-force-restart': () => service.forceRestart(),
    'backend-health-check': () => service.checkHealth(),
    'backend-check-port': (port) => service.checkPort(port),
    'backend-verify': () => service.verify(),
    'backend-get-logs': ({ lines = LINES } = {}) => ({
      lines: log.newest(lines),
      file: log.file,
      dropped: log.dropped,
    }),
    'open-log-file': async () => {
      const error = await electron.shell.openPath(log.file);
      return { opened: error === '', file: log.file, ...(error && { error }) };
    },
    'get-app-version': () => ({
      version: electron.app.getVersion(),
      electron: process.versions.electron,
      chrome: process.versions.chrome,
      node: process.versions.node,
      runtime: service.runtime,
      packaged: electron.app.isPackaged,
      platform: `${process.platform}-${process.arch}`,
    }),
  };
}

module.exports = { serviceHandlers };
