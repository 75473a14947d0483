'use strict';

/**
 * Which paths and link targets a tree may hold (runtime_packager/manifest/paths.py):
 *
 * - `path`: relative, `/`-separated, NFC, at most 4096 bytes of UTF-8, no component that is empty,
 *   `.` or `..`, no backslash, no control character, no drive letter in front. For Windows besides:
 *   none of `<>:"|?*`, no dot or space at a component's end, no device name.
 * - `path-order`: ascending by the bytes of their UTF-8, none twice.
 * - `path-collision`: no file where another path needs a directory; and for Windows and macOS no two
 *   spellings of one name.
 * - `link-target`: relative, inside the tree, `..` only in front.
 */

const { compareText } = require('./problems.js');

const MAX_PATH_BYTES = 4096;

const COMPONENT = String.raw`(?!\.{1,2}(?:\/|$))[^\/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+`;
const PLAIN = String.raw`(?![A-Za-z]:)${COMPONENT}(?:\/${COMPONENT})*`;
const PATH = new RegExp(`^${PLAIN}$`, 'u');
const TARGET = new RegExp(
  String.raw`^(?:(?<up>(?:\.\.\/)*)(?<rest>${PLAIN})|(?:\.\.\/)*\.\.)$`,
  'u',
);
const WINDOWS_COMPONENT =
  /^(?!(?:con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$))[^<>:"|?*]*[^<>:"|?*. ]$/iu;
const BEYOND_ASCII = /[^\x00-\x7f]/; // eslint-disable-line no-control-regex

/**
 * Why `path` may not stand in a tree for `platform`; undefined when it may.
 * @param {string} path
 * @param {string} platform
 * @returns {string | undefined}
 */
function pathProblem(path, platform) {
  if (!PATH.test(path)) return 'not a plain relative path';
  if (
    platform.startsWith('win') &&
    !path.split('/').every((name) => WINDOWS_COMPONENT.test(name))
  ) {
    return 'not a name Windows can hold';
  }
  if (isDecomposed(path)) return 'not in Unicode normal form C';
  return Buffer.byteLength(path) > MAX_PATH_BYTES ? 'too long' : undefined;
}

/**
 * Why the link `path` may not point at `target`; undefined when it may.
 * @param {string} path
 * @param {string} target
 * @returns {string | undefined}
 */
function targetProblem(path, target) {
  const match = TARGET.exec(target);
  if (!match) return 'not a plain relative path with any .. in front';
  if (isDecomposed(target)) return 'not in Unicode normal form C';
  const { up, rest } = match.groups;
  const above = rest === undefined ? target.split('/').length : up.length / 3;
  const depth = path.split('/').length - 1;
  if (above > depth || (above === depth && rest === undefined)) return 'points out of the tree';
  return undefined;
}

/**
 * Neighbours that do not ascend strictly.
 * @param {string[]} paths
 * @returns {import('./problems.js').Problem[]}
 */
function orderProblems(paths) {
  const problems = [];
  for (let index = 1; index < paths.length; index++) {
    const [before, path] = [paths[index - 1], paths[index]];
    const order = compareText(before, path);
    if (order < 0) continue;
    const reason = order === 0 ? 'stands twice' : `must stand before ${before}`;
    problems.push({ path, id: 'path-order', reason });
  }
  return problems;
}

/**
 * Paths that cannot all exist in one tree on `platform`.
 * @param {string[]} paths
 * @param {string} platform
 * @returns {import('./problems.js').Problem[]}
 */
function collisionProblems(paths, platform) {
  const directories = directoriesOf(paths);
  const problems = paths
    .filter((path) => directories.has(path))
    .map((path) => ({ path, id: 'path-collision', reason: 'both a file and a directory' }));
  if (platform.startsWith('linux')) return problems;
  return problems.concat(caseProblems(new Set([...directories, ...paths])));
}

function caseProblems(names) {
  const spelled = new Map();
  const problems = [];
  for (const name of [...names].sort(compareText)) {
    // Both mappings, because neither alone brings all variants together (Kelvin sign, sigma).
    const folded = name.toLowerCase().toUpperCase();
    const first = spelled.get(folded);
    if (first === undefined) spelled.set(folded, name);
    else
      problems.push({ path: name, id: 'path-collision', reason: `only in case unlike ${first}` });
  }
  return problems;
}

/**
 * Every directory that `paths` need, the root (an empty string) left out.
 * @param {Iterable<string>} paths
 * @returns {Set<string>}
 */
function directoriesOf(paths) {
  const found = new Set();
  for (const path of paths) {
    let parent = parentOf(path);
    while (parent && !found.has(parent)) {
      found.add(parent);
      parent = parentOf(parent);
    }
  }
  return found;
}

function parentOf(path) {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function isDecomposed(text) {
  return BEYOND_ASCII.test(text) && text.normalize('NFC') !== text;
}

module.exports = { collisionProblems, directoriesOf, orderProblems, pathProblem, targetProblem };
