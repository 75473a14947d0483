'use strict';

/** The one window. */

/** Crashes of the page within `CRASH_WINDOW` milliseconds after which it is not loaded again. */
const CRASHES = 3;
const CRASH_WINDOW = 60_000;

/** Makes the window, and gives it what is pushed to it. */
class MainWindow {
  #window;
  #crashes = [];

  /**
   * @param {object} electron `{BrowserWindow}`
   * @param {object} options
   * @param {string} options.title
   * @param {string} options.url of the page
   * @param {string} options.preload
   * @param {object} options.bridge its name in the page, and what preload.js lets through:
   *   `{name, invoked, pushed}`
   * @param {object} options.size width, height, minWidth, minHeight
   * @param {object} options.session
   * @param {boolean} options.devTools
   * @param {string} [options.icon] file, where the system does not take it from the program
   * @param {import('../log.js').Log} options.log
   * @param {import('../service/clock.js').Clock} options.clock
   * @param {() => void} options.onBroken when the page crashes again and again
   * @param {() => void} options.onLogout when Windows ends the user's session
   */
  constructor(electron, options) {
    Object.assign(this, { electron, options });
  }

  /** Open it, or bring it to the front. */
  show() {
    if (!this.#window) this.#open();
    if (this.#window.isMinimized()) this.#window.restore();
    this.#window.show();
    this.#window.focus();
  }

  /** Push to the page; nothing happens when there is none. */
  push(channel, payload) {
    if (this.#window && !this.#window.isDestroyed())
      this.#window.webContents.send(channel, payload);
  }

  #open() {
    const { BrowserWindow } = this.electron;
    const { title, url, preload, bridge, size, session, devTools, icon, log, onLogout } =
      this.options;
    const window = new BrowserWindow({
      ...size,
      title,
      icon,
      show: false,
      autoHideMenuBar: true,
      backgroundColor: '#1e1e1e',
      webPreferences: {
        preload,
        additionalArguments: [`--bridge=${JSON.stringify(bridge)}`],
        session,
        devTools,
        contextIsolation: true,
        nodeIntegration: false,
        sandbox: true,
        webSecurity: true,
        webviewTag: false,
        spellcheck: false,
        navigateOnDragDrop: false,
      },
    });
    this.#window = window;
    window.once('ready-to-show', () => window.show());
    window.on('closed', () => {
      this.#window = undefined;
    });
    window.on('session-end', onLogout);
    window.webContents.on('render-process-gone', (_event, details) => this.#onGone(details));
    window.webContents.on('unresponsive', () => log.warning('the window does not respond'));
    window
      .loadURL(url)
      .catch((error) => log.error(`the window cannot be loaded: ${error.message}`));
  }

  #onGone({ reason, exitCode }) {
    const { log, clock, onBroken } = this.options;
    log.error(`the window's process is gone: ${reason}, exit code ${exitCode}`);
    const now = clock.elapsed();
    this.#crashes = [...this.#crashes, now].filter((at) => now - at < CRASH_WINDOW);
    if (this.#crashes.length > CRASHES) return onBroken();
    // Not at once: within this event a reload crashes the main process.
    return setImmediate(() => this.#window?.webContents.reload());
  }
}

module.exports = { MainWindow };
