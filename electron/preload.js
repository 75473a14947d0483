'use strict';

/** The bridge: the window reaches main through these two functions and nothing else. */

const { contextBridge, ipcRenderer } = require('electron');

// A sandboxed preload cannot require files: main hands the channels' names over.
const { name, invoked, pushed } = JSON.parse(
  process.argv.find((argument) => argument.startsWith('--bridge=')).slice('--bridge='.length),
);

contextBridge.exposeInMainWorld(name, {
  /**
   * Ask main.
   * @param {string} channel one of INVOKED in src/channels.js
   * @param {unknown} [argument]
   */
  invoke(channel, argument) {
    if (!invoked.includes(channel)) return Promise.reject(new TypeError(`no channel ${channel}`));
    return ipcRenderer.invoke(channel, argument);
  },

  /**
   * Listen to main.
   * @param {string} channel one of PUSHED in src/channels.js
   * @param {(payload: any) => void} listener
   * @returns {() => void} ends it
   */
  on(channel, listener) {
    if (!pushed.includes(channel)) throw new TypeError(`no channel ${channel}`);
    const forward = (_event, payload) => listener(payload);
    ipcRenderer.on(channel, forward);
    return () => ipcRenderer.off(channel, forward);
  },
});
