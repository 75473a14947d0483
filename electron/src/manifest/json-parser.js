'use strict';

/** The parser of strict-json.js: the rules from json-syntax on. Nothing recurses on the input. */

const MAX_DEPTH = 8;
const LONGEST_INTEGER = String(-(2 ** 53)).length;

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\x00-\x1f]*/y; // eslint-disable-line no-control-regex
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const HALF_PAIR = /[\ud800-\udfff]/u; // with this flag a whole pair is one character
const ESCAPED = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const CONSTANTS = [
  ['true', true],
  ['false', false],
  ['null', null],
];
const NO_NUMBERS = ['NaN', 'Infinity', '-Infinity'];

/** A rule that is broken; strict-json.js adds whose text it is. */
class Broken extends Error {
  constructor(id, message) {
    super(message);
    this.id = id;
  }
}

/** One pass over the text; the containers that are open stand in `open`, not on the stack. */
class Parser {
  constructor(text, convert) {
    this.text = text;
    this.at = 0;
    this.convert = convert;
    this.halfPair = false;
    this.open = [];
  }

  parse() {
    this.skipSpace();
    for (;;) {
      const value = this.startValue();
      if (value === undefined) continue; // a container was opened: its first value is next
      if (this.attach(value)) continue;
      this.skipSpace();
      if (this.at !== this.text.length) this.fail('something behind the value');
      return this.result;
    }
  }

  /** A value that is complete, or undefined when it goes on inside a container. */
  startValue() {
    switch (this.text[this.at]) {
      case '{':
        return this.openObject();
      case '[':
        return this.openArray();
      case '"':
        return this.string();
      default:
        return this.constantOrNumber();
    }
  }

  openObject() {
    this.enter();
    if (this.text[this.at] === '}') return this.close(new Map(), 0);
    this.open.push({ map: new Map(), count: 0, key: this.key() });
    return undefined;
  }

  openArray() {
    this.enter();
    if (this.text[this.at] === ']') {
      this.at++;
      return [];
    }
    this.open.push([]);
    return undefined;
  }

  enter() {
    if (this.open.length === MAX_DEPTH) throw new Broken('json-depth', 'too deep');
    this.at++;
    this.skipSpace();
  }

  /** Hand `value` to the container it stands in, and that one to its own as long as one ends. */
  attach(value) {
    while (this.open.length) {
      const top = this.open[this.open.length - 1];
      const ends = Array.isArray(top) ? this.inArray(top, value) : this.inObject(top, value);
      if (!ends) return true;
      this.open.pop();
      value = Array.isArray(top) ? top : this.close(top.map, top.count);
    }
    this.result = value;
    return false;
  }

  inArray(top, value) {
    top.push(value);
    return this.ends(']');
  }

  inObject(top, value) {
    top.map.set(top.key, value);
    top.count++;
    if (this.ends('}')) return true;
    top.key = this.key();
    return false;
  }

  /** Whether the container ends here; its bracket is left to `close` for an object. */
  ends(bracket) {
    this.skipSpace();
    const found = this.text[this.at];
    if (found === bracket) {
      if (bracket === ']') this.at++;
      return true;
    }
    if (found !== ',') this.fail(`, or ${bracket} expected`);
    this.at++;
    this.skipSpace();
    return false;
  }

  close(map, count) {
    this.at++;
    if (map.size !== count) throw new Broken('json-duplicate-key', 'a key stands twice');
    return this.convert ? this.convert(map) : map;
  }

  key() {
    if (this.text[this.at] !== '"') this.fail('a key in double quotes expected');
    const key = this.string();
    this.skipSpace();
    if (this.text[this.at] !== ':') this.fail(': expected');
    this.at++;
    this.skipSpace();
    return key;
  }

  string() {
    const start = ++this.at;
    this.plain();
    if (this.text[this.at] === '"') return this.text.slice(start, this.at++);
    const parts = [this.text.slice(start, this.at)];
    while (this.text[this.at] === '\\') {
      parts.push(this.escape());
      const from = this.at;
      this.plain();
      parts.push(this.text.slice(from, this.at));
    }
    if (this.text[this.at] !== '"')
      this.fail('a string does not end, or holds a control character');
    this.at++;
    const value = parts.join('');
    if (HALF_PAIR.test(value)) this.halfPair = true;
    return value;
  }

  plain() {
    PLAIN.lastIndex = this.at;
    PLAIN.test(this.text);
    this.at = PLAIN.lastIndex;
  }

  escape() {
    const letter = this.text[this.at + 1];
    this.at += 2;
    if (letter !== 'u') {
      if (!Object.hasOwn(ESCAPED, letter)) this.fail('no such escape');
      return ESCAPED[letter];
    }
    HEX4.lastIndex = this.at;
    if (!HEX4.test(this.text)) this.fail('four hex digits expected');
    this.at += 4;
    return String.fromCharCode(parseInt(this.text.slice(this.at - 4, this.at), 16));
  }

  constantOrNumber() {
    for (const [word, value] of CONSTANTS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    for (const word of NO_NUMBERS) if (this.text.startsWith(word, this.at)) notANumber(word);
    NUMBER.lastIndex = this.at;
    if (!NUMBER.test(this.text)) this.fail('a value expected');
    const digits = this.text.slice(this.at, NUMBER.lastIndex);
    this.at = NUMBER.lastIndex;
    return integer(digits);
  }

  skipSpace() {
    if (this.text.charCodeAt(this.at) > 0x20) return;
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  fail(message) {
    throw new Broken('json-syntax', `${message} at character ${this.at}`);
  }
}

function integer(digits) {
  const value = digits.length > LONGEST_INTEGER || digits === '-0' ? NaN : Number(digits);
  if (!/^-?[0-9]+$/.test(digits) || !Number.isSafeInteger(value)) notANumber(digits);
  return value;
}

function notANumber(digits) {
  throw new Broken('json-number', `${digits.slice(0, 24)} is no integer below 2**53`);
}

module.exports = { Broken, MAX_DEPTH, Parser };
