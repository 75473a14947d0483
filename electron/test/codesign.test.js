'use strict';

/** Programs without their code signatures: what Python's reader says of each, and of wild ones. */

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { OddError, bare } = require('../src/manifest/codesign/bare.js');
const { Source } = require('../src/manifest/codesign/source.js');

const GOLDEN = path.join(__dirname, '../../tests/golden/manifest/programs.json');
const NUMBERS = [0, 1, 8, 16, 0x7fffffff, 0x80000000, 0xffffffff];

/** What is made of `data`, which may be said to be longer than it is. */
function judged(data, size = data.length) {
  const readAt = (offset, length) => {
    assert.ok(length < 5 * 1024 * 1024, 'a header decides how much is read');
    const found = Buffer.alloc(
      size > data.length ? length : Math.min(length, data.length - offset),
    );
    if (offset < data.length) data.copy(found, 0, offset, offset + length);
    return found;
  };
  try {
    return bare(new Source(readAt, size));
  } catch (error) {
    if (error instanceof OddError) return { sha256: null, signed: null };
    throw error;
  }
}

const programs = JSON.parse(fs.readFileSync(GOLDEN)).map((row) => ({
  ...row,
  bytes: Buffer.from(row.data, 'base64'),
}));

for (const { name, bytes, unsigned, signed } of programs) {
  test(`without its signature: ${name}`, () => {
    assert.deepStrictEqual(judged(bytes), { sha256: unsigned, signed });
  });
}

test('wild headers are read or odd, and take no memory', () => {
  for (const { bytes } of programs) {
    for (let place = 0; place + 4 <= Math.min(bytes.length, 440); place += 4) {
      const made = Buffer.from(bytes);
      made.writeUInt32LE(NUMBERS[place % 7], place);
      judged(made);
      if (place % 28 === 0) judged(made, 2 ** 21);
    }
  }
});
