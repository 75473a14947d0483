'use strict';

/** Reading an app archive: a header of sizes and JSON, then the files one after the other. */

const fs = require('node:fs');

/** Bytes in front of the JSON: two pickles' sizes, the header's and the text's. */
const PREFIX = 16;

/**
 * What an app.asar holds.
 * @param {string} archive
 * @returns {{names: string[], has: (name: string) => boolean, read: (name: string) => Buffer}} names
 *   with `/`, files only
 * @throws {Error} when it is no archive; `read` when the archive ends before the file does
 */
function readAsar(archive) {
  const data = fs.readFileSync(archive);
  const headerSize = data.readUInt32LE(4);
  const text = data.toString('utf8', PREFIX, PREFIX + data.readUInt32LE(12));
  const files = new Map(filesIn(JSON.parse(text).files, ''));
  return {
    names: [...files.keys()],
    has: (name) => files.has(name),
    read: (name) => {
      const { offset, size } = files.get(name);
      const start = 8 + headerSize + Number(offset);
      if (start + size > data.length) throw new Error(`${archive} is cut off in ${name}`);
      return data.subarray(start, start + size);
    },
  };
}

function filesIn(folder, prefix) {
  return Object.entries(folder).flatMap(([name, entry]) =>
    entry.files ? filesIn(entry.files, `${prefix}${name}/`) : [[`${prefix}${name}`, entry]],
  );
}

module.exports = { readAsar };
