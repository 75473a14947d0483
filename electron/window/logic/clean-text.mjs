/**
 * Text of other programs made harmless to look at. It is only ever put in place as text, so markup
 * does nothing; this is about what a terminal would obey and what would show in a false order.
 */

/** The most characters of one line that are shown; a line may be a whole file. */
export const MAX_LINE = 4000;

const ESC = '\\u001b';
const CSI = `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]`;
// Operating system commands and the like, up to their end or, if that is missing, the line's.
const STRINGS = `(?:${ESC}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u009c]*?(?:\\u0007|\\u009c|${ESC}\\\\|$)`;
const SHORT = `${ESC}[ -/]*[0-~]`;
const ESCAPES = new RegExp(`${CSI}|${STRINGS}|${SHORT}`, 'g');

const C0_AND_C1 = '\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f';
// Marks that change the order in which the text around them is shown (Unicode TR 9), and line ends.
const ORDER = '\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';
const HIDDEN = new RegExp(`[${C0_AND_C1}${ORDER}]`, 'g');

/**
 * One line without escape sequences, every other control character made visible.
 * @param {unknown} text
 * @param {number} [limit] characters that are kept
 */
export function cleanLine(text, limit = MAX_LINE) {
  const whole = String(text ?? '');
  // A sequence takes no more than its characters, so this much decides what the limit shows.
  const part = whole.slice(0, 4 * limit).toWellFormed();
  const clean = part.replace(ESCAPES, '').replace(HIDDEN, visible);
  const left = whole.length - part.length + Math.max(0, clean.length - limit);
  return left > 0 ? `${clean.slice(0, limit)}… (${left} more characters)` : clean;
}

/**
 * Several lines, each made harmless.
 * @param {unknown} text
 * @param {number} [limit] characters that are kept of each
 */
export function cleanText(text, limit = MAX_LINE) {
  return String(text ?? '')
    .split(/\r?\n/)
    .map((line) => cleanLine(line, limit))
    .join('\n');
}

function visible(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
