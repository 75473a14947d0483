'use strict';

/** What the window may ask for: known channels, arguments that were looked at, our page alone. */

const { INVOKED } = require('../channels.js');

const nothing = (argument) => argument === undefined || argument === null;
const integer = (least, most) => (value) =>
  Number.isInteger(value) && value >= least && value <= most;

/** What each channel may be given; all others nothing. */
const ARGUMENTS = {
  'backend-check-port': integer(1, 65535),
  'backend-get-logs': (argument) =>
    nothing(argument) ||
    (Object.keys(argument).every((name) => name === 'lines') && integer(1, 10_000)(argument.lines)),
};

/**
 * Why a request is refused, if it is.
 * @param {string} channel
 * @param {unknown} argument
 * @param {{url: string, parent: object | null} | null} frame that asks
 * @param {string} origin of our page
 * @returns {string | undefined}
 */
function refusal(channel, argument, frame, origin) {
  if (!frame || frame.parent || !frame.url.startsWith(`${origin}/`)) return 'not from our page';
  const accepts = ARGUMENTS[channel] ?? nothing;
  return accepts(argument) ? undefined : 'not an argument of this channel';
}

/**
 * Answer the window.
 * @param {object} ipcMain
 * @param {Record<string, (argument: any) => unknown>} handlers one for each channel
 * @param {{origin: string, log: import('../log.js').Log}} options
 * @throws {TypeError} for a handler of a channel that is not known
 */
function answerWindow(ipcMain, handlers, { origin, log }) {
  const unknown = Object.keys(handlers).filter((channel) => !INVOKED.includes(channel));
  if (unknown.length) throw new TypeError(`unknown channels: ${unknown.join(', ')}`);
  for (const channel of INVOKED) {
    ipcMain.handle(channel, async (event, argument) => {
      const reason = refusal(channel, argument, event.senderFrame, origin);
      if (reason) {
        log.warning(`refused ${channel}: ${reason}`);
        throw new Error(`${channel}: ${reason}`);
      }
      if (!handlers[channel]) throw new Error(`${channel}: not available in this build`);
      return handlers[channel](argument ?? undefined);
    });
  }
}

module.exports = { answerWindow, refusal };
