/** The dialogs of index.html: they open modally, Esc closes them, focus returns by itself. */

import { byId } from './dom.mjs';

const MAC = /Mac/.test(navigator.platform);

/** Makes their buttons close them and names the keys as this system does. */
export function prepareDialogs() {
  for (const closer of document.querySelectorAll('[data-closes]')) {
    closer.addEventListener('click', () => closer.closest('dialog').close());
  }
  for (const key of document.querySelectorAll('[data-keys]')) {
    key.textContent = MAC
      ? `⌘${key.dataset.keys.replace('Shift+', '⇧')}`
      : `Ctrl+${key.dataset.keys}`;
  }
}

/** @param {'help' | 'confirm' | 'reinstall'} id */
export function openDialog(id) {
  if (!document.querySelector('dialog[open]')) byId(id).showModal();
}

/**
 * Says something short at the window's end that goes away by itself.
 * @param {string} text
 */
export function toast(text) {
  const place = byId('toast');
  clearTimeout(toast.timer);
  place.hidePopover(); // shown anew, it lies above a dialog that was opened since
  place.showPopover();
  place.textContent = text;
  toast.timer = setTimeout(() => place.hidePopover(), 5000);
}

/**
 * The keys of the help's table.
 * @param {Record<'search' | 'restart' | 'copy' | 'help' | 'escape', () => void>} actions
 */
export function listenToKeys(actions) {
  document.addEventListener('keydown', (event) => {
    const action = actions[actionOf(event)];
    if (!action || event.repeat) return;
    event.preventDefault();
    action();
  });
}

function actionOf(event) {
  const { key, ctrlKey, metaKey, shiftKey, altKey, target } = event;
  if (document.querySelector('dialog[open]')) return null; // it has its own
  if (key === 'F1') return 'help';
  if (key === 'Escape') return target.id === 'log-search' ? 'escape' : null;
  if (altKey || !(MAC ? metaKey : ctrlKey)) return null;
  const name = `${shiftKey ? 'shift+' : ''}${key.toLowerCase()}`;
  return { f: 'search', r: 'restart', 'shift+c': 'copy' }[name] ?? null;
}
