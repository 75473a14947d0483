'use strict';

/** A small JSON file that is replaced as a whole, so that a power cut leaves the old or the new. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const LARGEST = 1024 * 1024; // bytes

/** What the app remembers from one run to the next. */
class StateFile {
  /**
   * @param {string} file
   * @param {import('../log.js').Log} log
   */
  constructor(file, log) {
    this.file = file;
    this.log = log;
  }

  /** @returns {object} empty when there is none, or none that can be read */
  read() {
    try {
      if (fs.statSync(this.file).size > LARGEST) throw new Error('too large');
      const found = JSON.parse(fs.readFileSync(this.file, 'utf8'));
      if (typeof found === 'object' && found && !Array.isArray(found)) return found;
      throw new Error('not an object');
    } catch (error) {
      if (error.code !== 'ENOENT') this.log.warning(`${this.file} is ignored: ${error.message}`);
      return {};
    }
  }

  /**
   * Change some values and keep the others.
   * @param {object} changes
   * @returns {boolean} whether they were written; that they could not be is logged
   */
  update(changes) {
    const half = `${this.file}.${process.pid}.${crypto.randomBytes(4).toString('hex')}`;
    try {
      fs.mkdirSync(path.dirname(this.file), { recursive: true });
      const text = JSON.stringify({ ...this.read(), ...changes }, null, 2);
      fs.writeFileSync(half, text, { mode: 0o600, flag: 'wx', flush: true });
      fs.renameSync(half, this.file);
      return true;
    } catch (error) {
      removeIfThere(half);
      this.log.warning(`${this.file} cannot be written: ${error.message}`);
      return false;
    }
  }
}

function removeIfThere(file) {
  try {
    fs.unlinkSync(file);
  } catch {
    // was never made, or cannot be removed either
  }
}

module.exports = { StateFile };
