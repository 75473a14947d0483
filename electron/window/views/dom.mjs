/** The little that is needed of the document. Text is only ever put in place as text. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * The element with an id of index.html.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * A new element.
 * @param {string} name
 * @param {Record<string, string | boolean | Function>} attributes `onClick` and the like listen
 * @param {...(Node | string | false | null | undefined)} children strings become text
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/**
 * A new SVG element, see `element`.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2).toLowerCase(), value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(
    ...children.filter((child) => child !== false && child !== null && child !== undefined),
  );
  return made;
}

/**
 * One of index.html's icons; it says nothing to a screen reader, the text beside it does.
 * @param {string} name without `i-`
 * @param {string} [more] classes
 */
export function icon(name, more = '') {
  const attributes = { class: `icon ${more}`.trim(), 'aria-hidden': 'true' };
  return drawn('svg', attributes, drawn('use', { href: `#i-${name}` }));
}

/**
 * A button with words.
 * @param {string} label
 * @param {(event: Event) => void} onClick
 * @param {string} [more] classes
 */
export function button(label, onClick, more = '') {
  return element('button', { type: 'button', class: `button ${more}`.trim(), onClick }, label);
}

/**
 * Puts text in place if it differs: what is the same is not painted, nor said, again.
 * @param {HTMLElement} place
 * @param {string} text
 */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Calls `draw` only when `value` is not what it was at the last call.
 * @template T
 * @param {(value: T) => void} draw
 * @returns {(value: T) => void}
 */
export function whenChanged(draw) {
  let before;
  return (value) => {
    const now = JSON.stringify(value);
    if (now === before) return;
    before = now;
    draw(value);
  };
}
