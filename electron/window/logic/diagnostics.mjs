/** What a person sends to whoever helps: versions, codes, the last lines; no secrets. */

import { asText } from './log-buffer.mjs';
import { stamp } from './format.mjs';

/** The last lines that go along. */
const LINES = 60;

const SECRETS = [
  [/(bearer\s+)\S+/gi, '$1[left out]'],
  [/((?:token|secret|password|api[_-]?key)["']?\s*[:=]\s*["']?)[^\s"'&,;]+/gi, '$1[left out]'],
  // A token without its name: long, and no word. Digests of files look the same and are no loss here.
  [/(?<![\w+/=-])(?=[\w+/=-]*\d)[\w+/=-]{32,}/g, (text) => (isPath(text) ? text : '[left out]')],
  [/((?:\/home|\/Users|[A-Za-z]:\\Users)[/\\])[^/\\\s]+/g, '$1…'],
];

function isPath(text) {
  return text.split('/').length > 3;
}

/**
 * Text without what looks like a token or a user's name.
 * @param {string} text
 */
export function withoutSecrets(text) {
  return SECRETS.reduce((rest, [pattern, by]) => rest.replace(pattern, by), text);
}

/**
 * The diagnostics as text for the clipboard.
 * @param {import('./state.mjs').State} state
 * @param {import('./problems.mjs').Problem[]} cards
 * @param {import('./log-buffer.mjs').Line[]} lines
 * @param {Date} now
 */
export function diagnostics(state, cards, lines, now) {
  const { app, run, backend } = state;
  const parts = [
    ['PEFT Studio diagnostics', now.toISOString()],
    ['App', app ? `${app.version} (${app.packaged ? 'packaged' : 'development'})` : 'unknown'],
    ['System', app ? `${app.platform}, Electron ${app.electron}` : 'unknown'],
    ['Runtime', describeRuntime(run?.runtime ?? app?.runtime)],
    ['Status', backend.status],
  ].map(([label, value]) => `${label}: ${value}`);
  const texts = cards.map((card) => describeProblem(card));
  const log = asText(lines.slice(-LINES), stamp);
  return [parts.join('\n'), ...texts, `Last log lines:\n${withoutSecrets(log)}`].join('\n\n');
}

function describeRuntime(runtime) {
  if (!runtime) return 'none';
  if (typeof runtime !== 'object') return String(runtime);
  const { product, version, epoch, platform, purpose, tree } = runtime;
  return `${product} ${version}, epoch ${epoch}, ${platform}, ${purpose} key, tree ${tree}`;
}

function describeProblem({ code, title, cause, facts, files, more, output }) {
  const lines = [
    `${code}: ${title}`,
    cause,
    ...facts.map(({ label, value }) => `${label}: ${value}`),
    ...files.map(({ path, reason }) => `${path}: ${reason}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...output,
  ];
  return withoutSecrets(lines.filter(Boolean).join('\n'));
}
