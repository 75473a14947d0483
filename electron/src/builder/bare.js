'use strict';

/** Whether a program carries a code signature, as the verifier reads it. */

const fs = require('node:fs');
const { bareFile } = require('../manifest/codesign/bare.js');

/**
 * @param {string} file a program whose manifest record has a digest without signature
 * @returns {boolean} whether there is a signature; whether it is valid the system knows
 */
function bareSigned(file) {
  const handle = fs.openSync(file, 'r');
  try {
    return bareFile(handle).signed;
  } finally {
    fs.closeSync(handle);
  }
}

module.exports = { bareSigned };
