'use strict';

/**
 * Apple's programs and libraries for one processor without their code signature; what is left out
 * and what is odd: runtime_packager/manifest/codesign/macho.py.
 */

const { OddError, aligned } = require('./source.js');

const BOUNDARY = 16;
const PAGE = 0x4000;
const LARGEST_COMMANDS = 1 << 20;
const LARGEST_SIGNATURE = 64 * 1024 * 1024;
const SYMTAB = 0x2;
const CODE_SIGNATURE = 0x1d;
const SUPER_BLOB = 0xfade0cc0;
const MOST_BLOBS = 64;
const NO_BYTES = [0x1, 0xc, 0x12];
const NOWHERE = 1n << 64n;

/** By magic; `width` is that of a size, in bytes, and the other numbers are offsets and sizes. */
const LAYOUTS = new Map([
  [
    'cffaedfe',
    { header: 32, segment: 0x19, width: 8, command: 72, section: 80, size: 40, flags: 64 },
  ],
  [
    'cefaedfe',
    { header: 28, segment: 0x1, width: 4, command: 56, section: 68, size: 36, flags: 56 },
  ],
]);

/** The layout of a program with this magic, if it is one. @param {Buffer} magic 4 bytes */
function layoutOf(magic) {
  return LAYOUTS.get(magic.toString('hex'));
}

/**
 * The bare program.
 * @param {import('./source.js').Source} source
 * @returns {import('./source.js').Recipe}
 * @throws {OddError} when there is none
 */
function recipe(source) {
  const layout = layoutOf(source.read(0, 4));
  const header = Buffer.from(source.read(0, layout.header));
  const [count, size] = [header.readUInt32LE(16), header.readUInt32LE(20)];
  if (size > LARGEST_COMMANDS) throw new OddError(`its load commands take ${size} bytes`);
  const commands = commandsOf(Buffer.from(source.read(layout.header, size)), count);
  const start = layout.header + size;
  const segments = commands
    .filter((command) => command.readUInt32LE() === layout.segment)
    .map((command) => segmentOf(layout, command));
  if (segments.some((segment) => segment.first < BigInt(start))) {
    throw new OddError('its load commands reach into its first section');
  }
  const linkedit = linkeditOf(segments, source.size);
  const signatures = commands.filter((command) => command.readUInt32LE() === CODE_SIGNATURE);
  const signed = signatures.length > 0;
  const end = signed ? requireSignature(source, signatures[0], linkedit) : source.size;
  if (signatures.length > 1 || end < start) {
    throw new OddError('its signature is not its only one, or in its commands');
  }
  resize(source, layout, commands, linkedit, end);
  const kept = commands.filter((command) => !signatures.includes(command));
  const bare = Buffer.concat(kept, size); // zeros take the room that is left
  header.writeUInt32LE(count - signatures.length, 16);
  header.writeUInt32LE(size - 16 * signatures.length, 20);
  const padding = Buffer.alloc(aligned(end, BOUNDARY) - end);
  return { pieces: [header, bare, [start, end], padding], signed };
}

function commandsOf(data, count) {
  const found = [];
  for (let at = 0; at < data.length;) {
    const size = at + 8 <= data.length ? data.readUInt32LE(at + 4) : 0;
    if (size < 8 || size % 4 || at + size > data.length) {
      throw new OddError(`the load command at byte ${at} of them takes ${size}`);
    }
    found.push(data.subarray(at, at + size));
    at += size;
  }
  if (found.length !== count) {
    throw new OddError(`it has ${found.length} load commands, and says ${count}`);
  }
  return found;
}

function number(data, offset, width) {
  return width === 8 ? data.readBigUInt64LE(offset) : BigInt(data.readUInt32LE(offset));
}

function segmentOf(layout, command) {
  const { width } = layout;
  if (command.length < layout.command) throw new OddError("a segment's command is cut off");
  const [vmaddr, vmsize, fileoff, filesize] = [0, 1, 2, 3].map((place) =>
    number(command, 24 + place * width, width),
  );
  const sections = command.readUInt32LE(layout.command - 8);
  if (command.length !== layout.command + sections * layout.section) {
    throw new OddError(`a segment says it has ${sections} sections`);
  }
  let first = fileoff && filesize ? fileoff : NOWHERE;
  for (let at = layout.command; at < command.length; at += layout.section) {
    const size = number(command, at + layout.size, width);
    const offset = BigInt(command.readUInt32LE(at + layout.size + width));
    const kind = command.readUInt32LE(at + layout.flags) & 0xff;
    if (size && !NO_BYTES.includes(kind) && offset < first) first = offset;
  }
  const name = command.toString('latin1', 8, 24).replace(/\0+$/, '');
  return { command, name, vmaddr, vmsize, fileoff, filesize, first };
}

function linkeditOf(segments, size) {
  const found = segments.filter((segment) => segment.name === '__LINKEDIT');
  const [last] = found;
  if (found.length !== 1 || !last.fileoff) throw new OddError('it has no segment __LINKEDIT');
  if (last.fileoff + last.filesize !== BigInt(size)) {
    throw new OddError('__LINKEDIT does not end where the file does');
  }
  const more = last.vmsize - last.filesize;
  if (more < 0n || more >= BigInt(LARGEST_SIGNATURE)) {
    throw new OddError(`__LINKEDIT takes ${last.vmsize} bytes in memory`);
  }
  for (const other of segments) {
    if (other === last) continue;
    const before = other.fileoff + other.filesize <= last.fileoff;
    if (!before || other.vmaddr + other.vmsize > last.vmaddr) {
      throw new OddError('__LINKEDIT is not its last segment');
    }
  }
  return last;
}

/** Where the signature begins. @throws {OddError} when it is not the end, or not well formed */
function requireSignature(source, command, linkedit) {
  if (command.length !== 16) throw new OddError('the command of its signature has another size');
  const [start, size] = [command.readUInt32LE(8), command.readUInt32LE(12)];
  const inside = BigInt(start) >= linkedit.fileoff && start + size === source.size;
  if (start % BOUNDARY || !inside) {
    throw new OddError(`its signature is ${size} bytes at ${start} of ${source.size}`);
  }
  if (size < 12 || size > LARGEST_SIGNATURE) throw new OddError(`its signature has ${size} bytes`);
  const head = source.read(start, 12);
  const [length, count] = [head.readUInt32BE(4), head.readUInt32BE(8)];
  const sized = count <= MOST_BLOBS && 12 + 8 * count <= length && length <= size;
  if (head.readUInt32BE() !== SUPER_BLOB || !sized) {
    throw new OddError('its signature is no super blob');
  }
  return start;
}

/** Let __LINKEDIT, and a string table at its end, reach to the boundary behind `end`. */
function resize(source, layout, commands, linkedit, end) {
  const boundary = aligned(end, BOUNDARY);
  const size = boundary - Number(linkedit.fileoff);
  write(linkedit.command, 24 + 3 * layout.width, layout.width, size);
  write(linkedit.command, 24 + layout.width, layout.width, aligned(size, PAGE));
  for (const command of commands) {
    if (command.readUInt32LE() === SYMTAB) stretch(source, command, end, boundary);
  }
}

function stretch(source, command, end, boundary) {
  if (command.length !== 24) throw new OddError('the command of its symbols has another size');
  const [start, size] = [command.readUInt32LE(16), command.readUInt32LE(20)];
  const last = start + size;
  if (size && end - BOUNDARY < last && last <= end && source.isZero(last, end)) {
    write(command, 20, 4, boundary - start);
  }
}

function write(command, offset, width, value) {
  if (width === 8) command.writeBigUInt64LE(BigInt(value), offset);
  else if (value >= 0 && value < 2 ** 32) command.writeUInt32LE(value, offset);
  else throw new OddError('a number is out of range');
}

module.exports = { layoutOf, recipe };
