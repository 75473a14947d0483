'use strict';

/**
 * The window's files: they are shipped as they are written, so building it means checking that nothing
 * it refers to is missing, and that nothing comes from elsewhere or stands inline, which its content
 * security policy would block in the packaged app alone.
 */

const fs = require('node:fs');
const path = require('node:path');

/** How JavaScript refers to a module. */
const IMPORTS = [
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
];

/** Files with references, and how a reference looks in them. */
const REFERENCES = {
  '.html': [
    /<(?:script|img|source|audio|video)\b[^>]*?\ssrc="([^"]*)"/g,
    /<link\b[^>]*?\shref="([^"]*)"/g,
  ],
  '.css': [/url\(\s*['"]?([^'")]+)['"]?\s*\)/g, /@import\s+['"]([^'"]+)['"]/g],
  '.js': IMPORTS,
  '.mjs': IMPORTS,
};

/** What the policy refuses. */
const INLINE = [
  [/<script\b(?![^>]*\ssrc=)[^>]*>/, 'a script inline'],
  [/<style\b/, 'a style sheet inline'],
  [/<[^>]+\sstyle="/, 'a style attribute'],
  [/<[^>]+\son[a-z]+="/, 'an event handler inline'],
];

/** Schemes that stay in the page. */
const WITHIN = /^(#|data:image\/)/;
const ELSEWHERE = /^([a-z][a-z0-9+.-]*:|\/\/)/i;

/**
 * Check the window's directory.
 * @param {string} folder
 * @returns {{files: string[], references: number}}
 * @throws {Error} naming everything that is wrong
 */
function checkWindow(folder) {
  const files = fs.existsSync(folder) ? filesBelow(folder) : [];
  if (!files.includes('index.html'))
    throw new Error(`${path.join(folder, 'index.html')} is missing`);
  const problems = [];
  let references = 0;
  for (const name of files) {
    const text =
      path.extname(name) in REFERENCES ? fs.readFileSync(path.join(folder, name), 'utf8') : '';
    for (const target of referencesIn(name, text)) {
      references += 1;
      const problem = problemOf(folder, name, target);
      if (problem) problems.push(problem);
    }
    problems.push(...inlineIn(name, text));
  }
  if (problems.length) throw new Error(`the window is not complete:\n  ${problems.join('\n  ')}`);
  return { files, references };
}

function referencesIn(name, text) {
  const patterns = REFERENCES[path.extname(name)] ?? [];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, target]) => target));
}

function problemOf(folder, name, target) {
  if (WITHIN.test(target)) return '';
  if (ELSEWHERE.test(target)) return `${name} refers to ${target}, which is not the app's`;
  const [clean] = target.split(/[?#]/);
  const base = clean.startsWith('/') ? folder : path.dirname(path.join(folder, name));
  const place = path.join(base, clean);
  if (path.relative(folder, place).startsWith('..')) return `${name} refers to ${target}, outside`;
  return isFile(place) ? '' : `${name} refers to ${target}, which is missing`;
}

function inlineIn(name, text) {
  if (path.extname(name) !== '.html') return [];
  return INLINE.filter(([pattern]) => pattern.test(text)).map(([, what]) => `${name} has ${what}`);
}

function isFile(place) {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * The files below a directory.
 * @param {string} folder
 * @returns {string[]} paths below it, with `/`, sorted
 */
function filesBelow(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .map((name) => name.split(path.sep).join('/'))
    .sort();
}

module.exports = { checkWindow, filesBelow };
