'use strict';

/** Changing a packaged program without changing whatever shares its file. */

const fs = require('node:fs/promises');
const path = require('node:path');

/**
 * Let `make` write a changed copy of `file`, then put it in the file's place, with the file's mode.
 * Signing tools write into the file they are given, and that may be a hard link: to the assembled
 * runtime, and through it to the cache of every later one.
 * @param {string} file
 * @param {(source: string, made: string) => Promise<void>} make writes `made`, which is not there
 *   yet and has the extension of `source`
 * @throws what `make` throws; `file` is then as it was
 */
async function replace(file, make) {
  const { dir, name, ext } = path.parse(file);
  const made = path.join(dir, `.${name}.signing-${process.pid}${ext}`);
  const { mode } = await fs.stat(file);
  try {
    await make(file, made);
    await fs.chmod(made, mode & 0o777);
    await fs.rename(made, file);
  } finally {
    await fs.rm(made, { force: true });
  }
}

module.exports = { replace };
