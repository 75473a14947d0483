'use strict';

/**
 * Universal programs: one for each of several processors behind one header, signed one by one; what
 * stands for the bare file and what is odd: runtime_packager/manifest/codesign/universal.py.
 */

const macho = require('./macho.js');
const { OddError, aligned } = require('./source.js');

/** By magic: bytes of a row of the table. */
const ROWS = new Map([
  ['cafebabe', 20],
  ['cafebabf', 32],
]);
const MOST_PROGRAMS = 30;
const LARGEST_ALIGNMENT = 16;

/** Whether a file with this magic may be one. @param {Buffer} magic 4 bytes */
function isUniversal(magic) {
  return ROWS.has(magic.toString('hex'));
}

/**
 * What stands for the bare file.
 * @param {import('./source.js').Source} source
 * @returns {import('./source.js').Recipe}
 * @throws {OddError} when there is none
 */
function recipe(source) {
  const head = Buffer.from(source.read(0, 8));
  const size = ROWS.get(head.toString('hex', 0, 4));
  const count = head.readUInt32BE(4);
  if (!count || count > MOST_PROGRAMS) throw new OddError(`it says it has ${count} programs`);
  const rows = source.read(8, count * size);
  const programs = [];
  for (let at = 0; at < rows.length; at += size) programs.push(programOf(rows.subarray(at), size));
  requireApart(source, programs, 8 + rows.length);
  programs.sort((one, other) => one.cpu - other.cpu || one.subtype - other.subtype);
  const parts = programs.map((program) => bareOf(source, program));
  return {
    pieces: [head, ...parts.map((part) => part.text)],
    signed: parts.every((part) => part.signed),
  };
}

function programOf(row, size) {
  const wide = size === 32;
  const [offset, length] = wide
    ? [Number(row.readBigUInt64BE(8)), Number(row.readBigUInt64BE(16))]
    : [row.readUInt32BE(8), row.readUInt32BE(12)];
  return {
    cpu: row.readUInt32BE(),
    subtype: row.readUInt32BE(4),
    offset,
    size: length,
    align: row.readUInt32BE(wide ? 24 : 16),
    reserved: wide ? row.readUInt32BE(28) : 0,
  };
}

function bareOf(source, program) {
  const part = source.part(program.offset, program.size);
  if (part.size < 4 || !macho.layoutOf(part.read(0, 4))) {
    throw new OddError('one of its parts is no program');
  }
  const made = macho.recipe(part);
  const kind = Buffer.alloc(12);
  kind.writeUInt32BE(program.cpu);
  kind.writeUInt32BE(program.subtype, 4);
  kind.writeUInt32BE(program.align, 8);
  return { text: Buffer.concat([kind, part.digest(made)]), signed: made.signed };
}

/** @throws {OddError} when the programs do not follow one another up to the file's end */
function requireApart(source, programs, behind) {
  const kinds = new Set(programs.map((program) => `${program.cpu} ${program.subtype}`));
  if (kinds.size !== programs.length) throw new OddError('two programs are for one processor');
  let end = behind;
  for (const program of [...programs].sort((one, other) => one.offset - other.offset)) {
    if (program.reserved || program.align > LARGEST_ALIGNMENT) {
      throw new OddError(`the alignment of a program is ${program.align}`);
    }
    if (program.offset !== aligned(end, 2 ** program.align)) {
      throw new OddError(`a program begins at byte ${program.offset}, behind one up to ${end}`);
    }
    if (!source.isZero(end, program.offset)) {
      throw new OddError('there is something between its programs');
    }
    end = program.offset + program.size;
  }
  if (end !== source.size) throw new OddError(`its programs end at byte ${end}`);
}

module.exports = { isUniversal, recipe };
