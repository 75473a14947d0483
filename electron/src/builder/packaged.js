'use strict';

/** The runtimes in a packaged app, and what their manifests say. */

const fs = require('node:fs');
const path = require('node:path');
const { IntegrityFailure } = require('../manifest/problems.js');

const RELEASE = path.join('manifest', 'release.dsse.json');
const FILES = path.join('manifest', 'files.json');

/** How many files are named when a runtime is refused. */
const NAMED = 10;

/**
 * The directories right below `resources` that are runtimes.
 * @param {string} resources
 * @returns {string[]}
 */
function packagedRuntimes(resources) {
  return fs
    .readdirSync(resources, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(resources, entry.name))
    .filter((folder) => fs.existsSync(path.join(folder, RELEASE)))
    .sort();
}

/**
 * The `resources` directories of the unpacked apps that electron-builder left in `outDir`.
 * @param {string} outDir
 * @param {string[]} systems of `linux`, `win`, `mac`
 * @returns {string[]}
 */
function unpackedResources(outDir, systems) {
  const folders = fs
    .readdirSync(outDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && systems.some((name) => entry.name.startsWith(name)))
    .map((entry) => path.join(outDir, entry.name));
  return folders.flatMap(resourcesIn).sort();
}

function resourcesIn(folder) {
  const bundles = fs.readdirSync(folder).filter((name) => name.endsWith('.app'));
  return [
    path.join(folder, 'resources'),
    ...bundles.map((name) => path.join(folder, name, 'Contents', 'Resources')),
  ].filter((place) => fs.existsSync(place));
}

/**
 * The programs of a runtime that may get a code signature: those whose records carry a digest
 * without one. Whatever else there is has to keep its exact bytes.
 * @param {string} runtime
 * @returns {string[]} paths below it, with `/`
 */
function signablePrograms(runtime) {
  const { files } = JSON.parse(fs.readFileSync(path.join(runtime, FILES), 'utf8'));
  return files.filter((record) => record.unsigned).map((record) => record.path);
}

/**
 * An error a person can read, of one that the verifier threw.
 * @param {string} runtime
 * @param {Error} error
 */
function explained(runtime, error) {
  if (!(error instanceof IntegrityFailure)) return error;
  const lines = error.problems.slice(0, NAMED).map(({ path: at, id, reason }) => {
    return `  ${at || 'manifest'}: ${reason} [${id}]`;
  });
  if (error.problems.length > NAMED) lines.push(`  and ${error.problems.length - NAMED} more`);
  return new Error(`${runtime} is not what was signed:\n${lines.join('\n')}`, { cause: error });
}

module.exports = { explained, packagedRuntimes, signablePrograms, unpackedResources };
