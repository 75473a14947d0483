'use strict';

/**
 * Every way in which the app ends, and the backend with it. `app.exit`, a crash and SIGKILL fire no
 * event: then the launcher ends the backend by itself, and in development its standard input does.
 */

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/**
 * @param {object} options
 * @param {object} options.electron `{app, dialog, powerMonitor}`
 * @param {NodeJS.Process} options.process
 * @param {import('../service/manager.js').ServiceManager} options.service
 * @param {import('../log.js').Log} options.log
 * @param {string} options.title
 */
function setupEndings({ electron, process, service, log, title }) {
  const { app, powerMonitor } = electron;
  let stopped = false;
  let stopping;
  let dying = false;
  const stop = () => {
    stopping ??= service.close().catch((error) => log.error(`stopping: ${error.stack}`));
    return stopping;
  };

  app.on('window-all-closed', () => app.quit());
  app.on('will-quit', (event) => {
    if (stopped) return log.close();
    event.preventDefault();
    return stop().then(() => {
      log.info('quit');
      stopped = true;
      // Electron ignores a quit that is asked for before it has seen that this one was prevented,
      // which is the case when there was nothing to stop.
      // And a quit would wait for whoever reads the message about a bug; there may be nobody.
      setImmediate(() => (dying ? app.exit(1) : app.quit()));
    });
  });
  // Electron's own handlers end as well, but not on every system for every signal.
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      log.info(`${signal}: quitting`);
      app.quit();
    });
  }
  powerMonitor?.on('shutdown', () => app.quit());
  process.on('exit', () => service.killNow());

  const onFatal = (kind) => (error) => {
    log.error(`${kind}: ${error?.stack ?? error}`);
    if (!dying) fatal({ error, electron, log, title, stop });
    dying = true; // a bug in a timer would else show a dialog a second
  };
  process.on('uncaughtException', onFatal('an error nobody caught'));
  process.on('unhandledRejection', onFatal('a promise that failed'));
}

async function fatal({ error, electron, log, title, stop }) {
  const { app, dialog } = electron;
  try {
    await stop();
    if (app.isReady()) {
      await dialog.showMessageBox({
        type: 'error',
        title,
        message: `${title} has to close`,
        detail: `${error?.message ?? error}\n\nThe log says more: ${log.file}`,
      });
    }
  } finally {
    app.exit(1);
  }
}

module.exports = { setupEndings };
