/** The clipboard. */

/**
 * Puts text on the clipboard. By the `copy` event: the clipboard's other interface asks for a
 * permission, and the app grants none.
 * @param {string} text
 * @returns {boolean} whether it worked
 */
export function copy(text) {
  let done = false;
  const listener = (event) => {
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    done = true;
  };
  document.addEventListener('copy', listener, { capture: true, once: true });
  document.execCommand('copy');
  document.removeEventListener('copy', listener, { capture: true });
  return done;
}
