'use strict';

/**
 * A child's output in lines, at a bounded cost: what comes faster than a budget is counted and
 * thrown away, so that the child is never blocked, memory stays as it is and the event loop goes on.
 */

const NEWLINE = 10;
const RETURN = 13;

/** How much of one stream is kept in each window of time. */
const BUDGET = Object.freeze({ window: 100, bytes: 64 * 1024, lines: 500 });
/** Bytes of a line that are kept; the rest is cut off. */
const LONGEST_LINE = 8 * 1024;

/** Cuts a stream into lines. */
class LineReader {
  /**
   * @param {object} options
   * @param {(text: string) => void} options.onLine
   * @param {(lines: number) => void} options.onDropped
   * @param {import('./clock.js').Clock} options.clock
   * @param {string} [options.wanted] lines with this text are never thrown away
   * @param {typeof BUDGET} [options.budget] `window` in milliseconds
   */
  constructor({ onLine, onDropped, clock, wanted, budget = BUDGET }) {
    Object.assign(this, { onLine, onDropped, clock, wanted, budget });
    this.rest = Buffer.alloc(0);
    this.cut = false;
    this.windowEnds = -Infinity;
    this.bytes = 0;
    this.lines = 0;
  }

  /** @param {Buffer} chunk the next bytes of the stream */
  push(chunk) {
    let start = 0;
    for (;;) {
      if (!this.#hasBudget(chunk.length - start)) return this.#skip(chunk, start);
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) return this.#keep(chunk.subarray(start));
      this.#emit(chunk.subarray(start, end));
      start = end + 1;
    }
  }

  /** The stream has ended: what is left is a line too. */
  end() {
    if (this.rest.length) this.#emit(Buffer.alloc(0));
  }

  #hasBudget() {
    const now = this.clock.elapsed();
    if (now >= this.windowEnds) {
      this.windowEnds = now + this.budget.window;
      this.bytes = 0;
      this.lines = 0;
    }
    return this.bytes < this.budget.bytes && this.lines < this.budget.lines;
  }

  #emit(last) {
    this.#keep(last);
    const line = this.rest;
    const cut = this.cut;
    this.rest = Buffer.alloc(0);
    this.cut = false;
    const end = line.at(-1) === RETURN ? line.length - 1 : line.length;
    this.bytes += line.length;
    this.lines += 1;
    this.onLine(line.toString('utf8', 0, end) + (cut ? ' [cut off]' : ''));
  }

  /** Add to the line that is not complete yet. A copy: the chunk's memory is not held on to. */
  #keep(bytes) {
    const room = LONGEST_LINE - this.rest.length;
    if (bytes.length > room) this.cut = true;
    this.rest = Buffer.concat([this.rest, bytes.subarray(0, Math.max(room, 0))]);
  }

  #skip(chunk, start) {
    const first = chunk.indexOf(NEWLINE, start);
    if (first < 0) return this.#keep(chunk.subarray(start));
    if (this.#isWanted(chunk, start, first)) return this.#takeAll(chunk, start);
    const last = chunk.lastIndexOf(NEWLINE);
    this.onDropped(countLines(chunk, first, last));
    this.rest = Buffer.alloc(0);
    this.cut = false;
    return this.#keep(chunk.subarray(last + 1));
  }

  #isWanted(chunk, start, first) {
    if (!this.wanted) return false;
    const begun = Buffer.concat([this.rest, chunk.subarray(start, first)]);
    return begun.includes(this.wanted) || chunk.includes(this.wanted, start);
  }

  /** Beyond the budget: only lines that are wanted. */
  #takeAll(chunk, start) {
    let dropped = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      this.#keep(chunk.subarray(start, end));
      if (this.rest.includes(this.wanted)) this.#emit(Buffer.alloc(0));
      else dropped += 1;
      this.rest = Buffer.alloc(0);
      this.cut = false;
    }
    if (dropped) this.onDropped(dropped);
    this.#keep(chunk.subarray(start));
  }
}

function countLines(chunk, first, last) {
  let count = 0;
  for (let index = first; index <= last; index += 1) if (chunk[index] === NEWLINE) count += 1;
  return count;
}

module.exports = { BUDGET, LONGEST_LINE, LineReader };
