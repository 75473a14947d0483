'use strict';

/** The bridge of preload.js without anybody behind it: a test or the demonstration plays main. */

const { contextBridge, ipcRenderer } = require('electron');

const listeners = new Map();
const answers = new Map();
const calls = [];

function push(channel, payload) {
  for (const listener of listeners.get(channel) ?? []) listener(payload);
}

contextBridge.exposeInMainWorld('peftStudio', {
  invoke: async (channel, argument) => {
    calls.push({ channel, argument });
    const answer = answers.has(channel) ? answers.get(channel) : await ipcRenderer.invoke(channel);
    if (answer?.never) return new Promise(() => {});
    if (answer?.reject) throw new Error(answer.reject);
    return answer;
  },
  on: (channel, listener) => {
    if (!listeners.has(channel)) listeners.set(channel, new Set());
    listeners.get(channel).add(listener);
    return () => listeners.get(channel).delete(listener);
  },
});

contextBridge.exposeInMainWorld('fakeMain', {
  push,
  answer: (channel, value) => answers.set(channel, value),
  calls: () => calls.splice(0),
});

ipcRenderer.on('push', (event, channel, payload) => push(channel, payload));
