'use strict';

/**
 * The bytes that a vector's parts stand for; tests/vectors/vector_parts.py says what a part is.
 * @param {(string | object)[]} parts
 * @returns {Buffer}
 */
function expand(parts) {
  return Buffer.concat(parts.map(bytesOf));
}

function bytesOf(part) {
  if (typeof part === 'string') return Buffer.from(part);
  if ('base64' in part) return Buffer.from(part.base64, 'base64');
  if ('repeat' in part) return Buffer.from(part.repeat.repeat(part.times));
  const row = (index) => part.template.replace('{index}', String(index).padStart(6, '0'));
  return Buffer.from(Array.from({ length: part.count }, (_, index) => row(index)).join(','));
}

module.exports = { expand };
