'use strict';

/**
 * Whether a program differs from what was sealed by its code signature alone. Rules, when the caller
 * allows code signing (runtime_packager/manifest/aftersigning.py), for every file whose size or
 * digest is another than listed and whose record says `unsigned`: it is at most MARGIN larger than
 * it was, and its digest without its signature is the one that is listed. What keeps them is accepted
 * and reported; what does not has the problem `code-signature` beside the one it had.
 */

const fs = require('node:fs');
const { OddError, bareFile } = require('./codesign/bare.js');
const { NotRegularError, openRegular } = require('./comparing.js');
const { compareText, differs } = require('./problems.js');

const MARGIN = 64 * 1024 * 1024;
const FORGIVEN = ['file-size', 'file-hash'];

/**
 * The problems that remain when code signing is allowed, and the programs it explains.
 * @param {string} base
 * @param {import('./problems.js').Problem[]} problems
 * @param {import('./files.js').FileRecord[]} records of the files that have the problems
 * @returns {{problems: object[], signedAfter: {path: string, signed: boolean}[]}}
 */
function lookAgain(base, problems, records) {
  const doubtful = new Set(problems.filter((p) => FORGIVEN.includes(p.id)).map((p) => p.path));
  const listed = records.filter((record) => record.unsigned && doubtful.has(record.path));
  const found = listed.map((record) => look(base, record));
  const signedAfter = found.filter((one) => one.id === undefined);
  const accepted = new Set(signedAfter.map((one) => one.path));
  return {
    problems: [
      ...problems.filter((p) => !FORGIVEN.includes(p.id) || !accepted.has(p.path)),
      ...found.filter((one) => one.id !== undefined),
    ],
    signedAfter: signedAfter.sort((a, b) => compareText(a.path, b.path)),
  };
}

function look(base, record) {
  try {
    const { handle, size } = openRegular(`${base}/${record.path}`);
    try {
      if (size > record.size + MARGIN)
        return problem(record, `grew by ${size - record.size} bytes`);
      const bare = bareFile(handle);
      if (bare.sha256 === record.unsigned) return { path: record.path, signed: bare.signed };
      return problem(
        record,
        differs('sha256 without code signature', record.unsigned, bare.sha256),
      );
    } finally {
      fs.closeSync(handle);
    }
  } catch (error) {
    if (error instanceof OddError || error instanceof NotRegularError || error.syscall) {
      return problem(record, `cannot be read without its code signature: ${error.message}`);
    }
    throw error;
  }
}

function problem({ path }, reason) {
  return { path, id: 'code-signature', reason };
}

module.exports = { lookAgain };
