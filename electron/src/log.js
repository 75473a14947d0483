'use strict';

/**
 * The log: a file that is rotated, the newest lines in memory, and listeners who get them in
 * batches. Writing is immediate, so that the lines before a crash are there; a full disk loses
 * lines and nothing else.
 */

const fs = require('node:fs');
const path = require('node:path');

/**
 * @typedef {object} Line
 * @property {number} at milliseconds since 1970
 * @property {'stdout' | 'stderr' | 'app'} stream
 * @property {'debug' | 'info' | 'warning' | 'error'} [level]
 * @property {string} text
 */

/** Lines of the app itself and of its backend. */
class Log {
  #descriptor;
  #size = 0;
  #lines = [];
  #batch = [];
  #batchDropped = 0;
  #timer;

  /**
   * @param {object} options
   * @param {string} options.file made with its directory on the first line
   * @param {number} options.fileSize bytes after which a new file is begun
   * @param {number} options.files how many are kept, the current one included
   * @param {number} options.kept lines that are kept in memory
   * @param {number} options.every milliseconds between two batches
   * @param {import('./service/clock.js').Clock} options.clock
   * @param {(batch: {lines: Line[], dropped: number}) => void} [options.onBatch]
   */
  constructor({ file, fileSize, files, kept, every, clock, onBatch = () => {} }) {
    Object.assign(this, { file, fileSize, files, kept, every, clock, onBatch });
    this.dropped = 0;
    this.unwritten = 0;
  }

  debug(text) {
    this.add('app', text, 'debug');
  }

  info(text) {
    this.add('app', text, 'info');
  }

  warning(text) {
    this.add('app', text, 'warning');
  }

  error(text) {
    this.add('app', text, 'error');
  }

  /**
   * @param {Line['stream']} stream
   * @param {string} text
   * @param {Line['level']} [level]
   */
  add(stream, text, level) {
    const line = { at: this.clock.now(), stream, ...(level && { level }), text: String(text) };
    this.#lines.push(line);
    // Cutting rarely and much is cheaper than shifting at every line.
    if (this.#lines.length >= 2 * this.kept) this.#lines = this.#lines.slice(-this.kept);
    this.#write(format(line));
    this.#batch.push(line);
    this.#schedule();
  }

  /** Lines that were too many: counted, and said once in the file when the flood is over. */
  drop(count) {
    this.dropped += count;
    this.#batchDropped += count;
    this.#schedule();
  }

  /**
   * The newest lines, oldest first.
   * @param {number} count
   * @returns {Line[]}
   */
  newest(count) {
    return this.#lines.slice(-Math.min(count, this.kept));
  }

  /** Close the file; it is opened again by the next line. */
  close() {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule() {
    this.#timer ??= this.clock.setTimeout(() => this.#flush(), this.every);
  }

  #flush() {
    this.#timer = undefined;
    const dropped = this.#batchDropped;
    const lines = this.#batch;
    this.#batch = [];
    this.#batchDropped = 0;
    if (dropped) this.#write(format({ at: this.clock.now(), stream: 'app', ...tooMany(dropped) }));
    this.onBatch({ lines, dropped });
  }

  #write(text) {
    try {
      this.#descriptor ??= this.#open();
      const bytes = Buffer.from(text);
      fs.writeSync(this.#descriptor, bytes);
      this.#size += bytes.length;
      if (this.#size >= this.fileSize) this.#rotate();
    } catch {
      this.unwritten += 1; // a log that cannot be written must not stop what it is about
    }
  }

  #open() {
    fs.mkdirSync(path.dirname(this.file), { recursive: true });
    const descriptor = fs.openSync(this.file, 'a', 0o600);
    this.#size = fs.fstatSync(descriptor).size;
    return descriptor;
  }

  #rotate() {
    fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
    const name = (index) => (index ? `${this.file}.${index}` : this.file);
    fs.rmSync(name(this.files - 1), { force: true });
    for (let index = this.files - 2; index >= 0; index -= 1) {
      if (fs.existsSync(name(index))) fs.renameSync(name(index), name(index + 1));
    }
  }
}

function tooMany(dropped) {
  return { level: 'warning', text: `${dropped} lines came too fast and were left out` };
}

/** One line of the file. Line breaks within would let a child write lines of its own. */
function format({ at, stream, level, text }) {
  const safe = text.replace(/[\r\n]+/g, ' | ');
  return `${new Date(at).toISOString()} ${(level ?? '-').padEnd(7)} ${stream.padEnd(6)} ${safe}\n`;
}

module.exports = { Log };
