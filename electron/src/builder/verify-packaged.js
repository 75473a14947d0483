'use strict';

/**
 * What was packaged is what was sealed: every byte, with no allowance for code signatures, on the word
 * of whom the app itself believes. electron-builder's afterAllArtifactBuild hook; also used once the
 * app was signed, and by scripts/dist.js.
 */

const path = require('node:path');
const { verifyTree } = require('../manifest-verify.js');
const { explained, packagedRuntimes, unpackedResources } = require('./packaged.js');
const { readTrust } = require('../service/trust.js');

/**
 * Verify the runtimes of a packaged app.
 * @param {string} resources its `resources` directory
 * @param {import('../manifest/keys.js').Trust} trust
 * @returns {Promise<{runtime: string, facts: object}[]>}
 * @throws {Error} when there is none, or one is not what was signed; it names the files
 */
async function verifyPackaged(resources, trust) {
  const runtimes = packagedRuntimes(resources);
  if (!runtimes.length) throw new Error(`${resources} holds no runtime`);
  const verified = [];
  for (const runtime of runtimes) {
    const facts = await verifyTree(runtime, trust, { level: 'full' }).catch((error) => {
      throw explained(runtime, error);
    });
    verified.push({ runtime, facts });
  }
  return verified;
}

/**
 * electron-builder's hook.
 * @param {import('electron-builder').BuildResult} result
 * @returns {Promise<string[]>} no artefacts of its own
 */
async function afterAllArtifactBuild(result) {
  const systems = [...result.platformToTargets.keys()].map((one) => one.buildConfigurationKey);
  const trust = readTrust(path.join(process.cwd(), 'trust')); // the hook runs in the project, and is not told
  for (const resources of unpackedResources(result.outDir, systems)) {
    await verifyPackaged(resources, trust);
  }
  return [];
}

module.exports = { afterAllArtifactBuild, default: afterAllArtifactBuild, verifyPackaged };
