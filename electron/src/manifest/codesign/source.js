'use strict';

/**
 * Bytes to read anywhere in, and the recipe of a bare file: both without holding one in memory.
 * The same as runtime_packager/manifest/codesign/source.py. Blocking, so only for workers.
 */

const crypto = require('node:crypto');

const CHUNK = 1024 * 1024;

/** A file is not laid out as its format and the tools that sign lay it out. */
class OddError extends Error {}

/**
 * What the bare file consists of, in order: buffers, and `[start, end]` of the source; and whether
 * the file it was made from is signed.
 * @typedef {{pieces: (Buffer | [number, number])[], signed: boolean}} Recipe
 */

/** A file, or a part of one. */
class Source {
  /**
   * @param {(offset: number, length: number) => Buffer} readAt bytes of the whole file
   * @param {number} size bytes
   * @param {number} start where in the whole file it begins
   */
  constructor(readAt, size, start = 0) {
    this.readAt = readAt;
    this.size = size;
    this.start = start;
  }

  /** A part of it. @throws {OddError} when it reaches beyond the end */
  part(offset, size) {
    if (offset + size > this.size) throw new OddError('a part reaches beyond the end');
    return new Source(this.readAt, size, this.start + offset);
  }

  /** Exactly `length` bytes. @throws {OddError} when they reach beyond the end */
  read(offset, length) {
    if (offset + length > this.size) throw new OddError('something reaches beyond the end');
    const found = this.readAt(this.start + offset, length);
    if (found.length !== length) throw new OddError('it became shorter while it was read');
    return found;
  }

  /** The bytes from `start` up to `end`, a bounded number at a time. */
  *chunks(start, end) {
    for (let offset = start; offset < end; offset += CHUNK) {
      yield this.read(offset, Math.min(CHUNK, end - offset));
    }
  }

  /** Whether there is nothing but zero bytes from `start` up to `end`. */
  isZero(start, end) {
    for (const chunk of this.chunks(start, end)) {
      if (chunk.some((byte) => byte !== 0)) return false;
    }
    return true;
  }

  /** SHA-256 of what `recipe` makes of this source. @returns {Buffer} */
  digest(recipe) {
    const made = crypto.createHash('sha256');
    for (const piece of recipe.pieces) {
      for (const chunk of Buffer.isBuffer(piece) ? [piece] : this.chunks(...piece)) {
        made.update(chunk);
      }
    }
    return made.digest();
  }
}

/** The smallest multiple of `alignment` that is not below `size`. */
function aligned(size, alignment) {
  return Math.ceil(size / alignment) * alignment;
}

module.exports = { OddError, Source, aligned };
