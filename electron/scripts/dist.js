'use strict';

/**
 * `npm run dist`: everything from the sources to installers, in order. The first step that fails ends
 * it, and is named. What each step does: steps.js.
 */

const path = require('node:path');
const { parseArgs } = require('node:util');
const { STEPS } = require('./steps.js');

const USAGE = `usage: npm run dist -- [options] [-- options of electron-builder]

  --linux, --win, --mac   what to build for  [default: this system]
  --arch x64|arm64        [default: this machine's]
  --dir                   the unpacked app alone, no installer
  --keep-backend          take the runtime in backend/dist/ as it is, do not assemble
  --release               refuse development keys and unsigned programs
  --output DIRECTORY      where the app goes, emptied before  [default: dist/<target>]

The environment says what must not stand on a command line: docs/how-to.md, "Package and sign the
desktop app".`;

const OPTIONS = {
  linux: { type: 'boolean' },
  win: { type: 'boolean' },
  mac: { type: 'boolean' },
  arch: { type: 'string' },
  dir: { type: 'boolean' },
  'keep-backend': { type: 'boolean' },
  release: { type: 'boolean' },
  output: { type: 'string' },
  help: { type: 'boolean' },
};

/** electron-builder's names of systems, and the runtimes', by Node's. */
const SYSTEMS = { linux: 'linux', win32: 'win', darwin: 'mac' };
const ARCHITECTURES = ['x64', 'arm64'];

/** A step that failed: its message names the step and says why. */
class StepError extends Error {
  /**
   * @param {string} step its name
   * @param {Error} cause
   */
  constructor(step, cause) {
    super(`step "${step}" failed: ${cause.message}`, { cause });
    this.step = step;
  }
}

/**
 * What is to be built.
 * @param {string[]} words the command line
 * @param {{platform: string, arch: string}} host Node's names
 * @returns {object} `{system, arch, target, dir, keepBackend, release, output, help, rest}`
 * @throws {TypeError} for a command line that makes no sense
 */
function wantedFrom(words, host = process) {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  const { values } = parseArgs({ args: own, options: OPTIONS, allowPositionals: false });
  const systems = Object.values(SYSTEMS).filter((name) => values[name]);
  if (systems.length > 1) throw new TypeError(`one system at a time, not ${systems.join(' and ')}`);
  const system = systems[0] ?? SYSTEMS[host.platform];
  const arch = values.arch ?? host.arch;
  if (!system || !ARCHITECTURES.includes(arch)) {
    throw new TypeError(`there is no Electron for ${system ?? host.platform} on ${arch}`);
  }
  return {
    system,
    arch,
    target: `${system}-${arch}`,
    dir: Boolean(values.dir),
    keepBackend: Boolean(values['keep-backend']),
    release: Boolean(values.release),
    output: values.output && path.resolve(values.output),
    help: Boolean(values.help),
    rest: end < 0 ? [] : words.slice(end + 1),
  };
}

/**
 * Run steps in order.
 * @param {{name: string, run: (context: object) => Promise<string>}[]} steps each answers with a line
 *   that says what it did
 * @param {object} context what the steps share
 * @param {(text: string) => void} say
 * @throws {StepError} at the first that fails; none after it is run
 */
async function runSteps(steps, context, say) {
  for (const [index, step] of steps.entries()) {
    say(`[${index + 1}/${steps.length}] ${step.name}`);
    const began = performance.now();
    const done = await step.run(context).catch((error) => {
      throw new StepError(step.name, error);
    });
    say(`      ${done} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  }
}

async function main() {
  const wanted = wantedFrom(process.argv.slice(2));
  if (wanted.help) return console.log(USAGE);
  const electron = path.dirname(__dirname);
  const context = { wanted, electron, project: path.dirname(electron), env: process.env };
  return runSteps(STEPS, context, (text) => console.log(text));
}

module.exports = { StepError, runSteps, wantedFrom };

if (require.main === module) {
  main().catch((error) => {
    const ours = error instanceof StepError || error.code?.startsWith('ERR_PARSE_ARGS');
    console.error(`error: ${ours || error instanceof TypeError ? error.message : error.stack}`);
    process.exitCode = 1;
  });
}
