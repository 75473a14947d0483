'use strict';

/**
 * The digest of a program without its code signature, which is put into it after its bytes were
 * listed. The same as runtime_packager/manifest/codesign/; tests/golden/manifest/programs.json holds
 * both to it. Blocking, so only for workers.
 */

const fs = require('node:fs');
const macho = require('./macho.js');
const pe = require('./pe.js');
const { OddError, Source } = require('./source.js');
const universal = require('./universal.js');

/**
 * The bare digest of an open file, and whether it is signed: with whatever, valid or not.
 * @param {number} handle
 * @returns {{sha256: string, signed: boolean}}
 * @throws {OddError} when it has none; the message says why
 */
function bareFile(handle) {
  const readAt = (offset, length) => {
    const made = Buffer.alloc(length);
    let done = 0;
    for (let got = 1; got && done < length; done += got) {
      got = fs.readSync(handle, made, done, length - done, offset + done);
    }
    return made.subarray(0, done);
  };
  return bare(new Source(readAt, fs.fstatSync(handle).size));
}

/** As bareFile, of bytes from anywhere. @param {Source} source */
function bare(source) {
  const recipe = recipeOf(source);
  return { sha256: source.digest(recipe).toString('hex'), signed: recipe.signed };
}

function recipeOf(source) {
  const magic = source.read(0, 4);
  if (magic.toString('latin1', 0, 2) === 'MZ') return pe.recipe(source);
  if (macho.layoutOf(magic)) return macho.recipe(source);
  if (universal.isUniversal(magic)) return universal.recipe(source);
  throw new OddError('it is neither a Windows nor an Apple program');
}

module.exports = { OddError, bare, bareFile };
