'use strict';

/** Carrying out what a tree vector says; tests/vectors/vector_trees.py does the same. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { expand } = require('./parts.js');

const ACTIONS = {
  write: (file, text) => write(file, Buffer.from(text, 'base64')),
  append: (file, text) =>
    rewrite(file, (data) => Buffer.concat([data, Buffer.from(text, 'base64')])),
  cut: (file, size) => rewrite(file, (data) => data.subarray(0, size)),
  flip: (file, index) =>
    rewrite(file, (data) => {
      data[index] ^= 1;
      return data;
    }),
  overwrite: (file, text) => fs.writeFileSync(file, Buffer.from(text, 'base64')),
  remove: (file) => fs.rmSync(file, { recursive: true }),
  mkdir: (file) => fs.mkdirSync(file, { recursive: true }),
  link: (file, target) => fs.symlinkSync(target, file),
  pipe: (file) => execFileSync('mkfifo', [file]),
  mode: (file, mode) => fs.chmodSync(file, parseInt(mode, 8)),
  move: (file, target, root) => fs.renameSync(file, path.join(root, target)),
  swap: (file, other, root) => {
    fs.renameSync(file, path.join(root, 'swapping'));
    fs.renameSync(path.join(root, other), file);
    fs.renameSync(path.join(root, 'swapping'), path.join(root, other));
  },
  sparse: (file, size) => fs.truncateSync(file, size),
  'write-raw': (file, name) => fs.writeFileSync(raw(file, name), ''),
  'mkdir-raw': (file, name) => fs.mkdirSync(raw(file, name)),
};

/**
 * Make the tree at `root`, then do to it what the actions say.
 * @param {string} root
 * @param {object} base of base-trees.json
 * @param {any[][]} actions
 */
function place(root, base, actions) {
  fs.mkdirSync(root);
  for (const [name, file] of Object.entries(base.files)) {
    write(path.join(root, name), expand(file.content));
    fs.chmodSync(path.join(root, name), parseInt(file.mode, 8));
  }
  for (const [name, target] of Object.entries(base.links)) {
    fs.symlinkSync(target, path.join(root, name));
  }
  for (const [name, where, ...more] of actions) {
    ACTIONS[name](where ? path.join(root, where) : root, ...more, root);
  }
}

function write(file, data) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, data);
  fs.chmodSync(file, 0o644);
}

function rewrite(file, change) {
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(file, change(fs.readFileSync(file)));
  fs.utimesSync(file, atime, mtime);
}

function raw(file, name) {
  return Buffer.concat([Buffer.from(`${file}/`), Buffer.from(name, 'hex')]);
}

module.exports = { place };
