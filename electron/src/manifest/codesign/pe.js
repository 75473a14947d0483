'use strict';

/**
 * Windows' programs and libraries without their Authenticode signature; what is left out and what
 * is odd: runtime_packager/manifest/codesign/pe.py.
 */

const { OddError, aligned } = require('./source.js');

const BOUNDARY = 8;
const MOST_CERTIFICATES = 16;
const LARGEST_TABLE = 16 * 1024 * 1024;
const DIRECTORY_COUNT = new Map([
  [0x10b, 92],
  [0x20b, 108],
]);
const REVISIONS = [0x0100, 0x0200];
const PKCS7 = 2;
const ARCHIVE_END = Buffer.from('PK\x05\x06', 'latin1');

/**
 * The bare program.
 * @param {import('./source.js').Source} source
 * @returns {import('./source.js').Recipe}
 * @throws {OddError} when there is none
 */
function recipe(source) {
  const headers = headersOf(source);
  const head = Buffer.from(source.read(0, headers.end));
  const start = head.readUInt32LE(headers.directory);
  const size = head.readUInt32LE(headers.directory + 4);
  const signed = Boolean(start || size);
  if (signed) requireTable(source, start, size);
  const end = signed ? start : source.size;
  requireSections(source, headers, end);
  head.fill(0, headers.checksum, headers.checksum + 4);
  head.fill(0, headers.directory, headers.directory + 8);
  const padding = Buffer.alloc(aligned(end, BOUNDARY) - end);
  return { pieces: [head, [headers.end, end], padding], signed };
}

function headersOf(source) {
  const coff = source.read(60, 4).readUInt32LE();
  if (coff < 64 || coff > 1 << 20) throw new OddError(`its header is at byte ${coff}`);
  const head = source.read(coff, 24);
  const count = head.readUInt16LE(6);
  const optional = coff + 24;
  const place = DIRECTORY_COUNT.get(source.read(optional, 2).readUInt16LE());
  if (head.toString('latin1', 0, 4) !== 'PE\0\0' || place === undefined) {
    throw new OddError('it is no Windows program');
  }
  const directory = optional + place + 4 + 8 * 4;
  const table = optional + head.readUInt16LE(20);
  if (source.read(optional + place, 4).readUInt32LE() <= 4 || directory + 8 > table) {
    throw new OddError('its headers have no place for a signature');
  }
  const rows = source.read(table, count * 40);
  const sections = [];
  for (let at = 0; at < rows.length; at += 40) {
    const [size, start] = [rows.readUInt32LE(at + 16), rows.readUInt32LE(at + 20)];
    if (start && size) sections.push([start, start + size]);
  }
  return { checksum: optional + 64, directory, end: table + rows.length, sections };
}

function requireSections(source, headers, end) {
  if (headers.end > end) throw new OddError('its headers reach into the certificate table');
  let last = headers.end;
  for (const [from, to] of headers.sections) {
    if (from < headers.end || to > end) throw new OddError(`a section has bytes ${from} to ${to}`);
    last = Math.max(last, to);
  }
  if (holds(source, last, end, ARCHIVE_END)) {
    throw new OddError("it carries an archive, which is read from the file's end");
  }
}

function holds(source, start, end, text) {
  let tail = Buffer.alloc(0);
  for (const chunk of source.chunks(start, end)) {
    if (Buffer.concat([tail, chunk]).includes(text)) return true;
    tail = Buffer.from(chunk.subarray(Math.max(0, chunk.length - text.length + 1)));
  }
  return false;
}

function requireTable(source, start, size) {
  if (start % BOUNDARY || !size || size > LARGEST_TABLE || start + size !== source.size) {
    throw new OddError(`its certificate table is ${size} bytes at ${start} of ${source.size}`);
  }
  let at = start;
  for (let count = 0; count < MOST_CERTIFICATES; count += 1) {
    at = requireCertificate(source, at);
    if (at === source.size) return;
  }
  throw new OddError(`it has more than ${MOST_CERTIFICATES} certificates`);
}

/** Where the next one begins. */
function requireCertificate(source, at) {
  const head = source.read(at, 8);
  const [length, revision, kind] = [
    head.readUInt32LE(),
    head.readUInt16LE(4),
    head.readUInt16LE(6),
  ];
  if (length <= 8 || !REVISIONS.includes(revision) || kind !== PKCS7) {
    throw new OddError(`a certificate of ${length} bytes, type ${kind}`);
  }
  const end = at + aligned(length, BOUNDARY);
  const behind = at + 8 + structureSize(source.read(at + 8, 6));
  if (behind > end || end - behind >= 2 * BOUNDARY || !source.isZero(behind, end)) {
    throw new OddError('there is more in its certificate table than certificates');
  }
  return end;
}

/** Bytes of the DER sequence that starts like this. */
function structureSize(head) {
  const width = head[1] - 0x80;
  if (head[0] !== 0x30 || width < 1 || width > 4) {
    throw new OddError('a certificate is no PKCS #7 structure');
  }
  return 2 + width + head.readUIntBE(2, width);
}

module.exports = { recipe };
