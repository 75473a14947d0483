'use strict';

/** The steps of `npm run dist`, in order. */

const fs = require('node:fs');
const path = require('node:path');
const { unpackedResources } = require('../src/builder/packaged.js');
const { PACKAGER_HINT, findPackager, run } = require('../src/builder/tools.js');
const { readTrust } = require('../src/service/trust.js');
const { verifyPackaged } = require('../src/builder/verify-packaged.js');
const { readAsar } = require('./asar.js');
const { builderWords } = require('./builder-words.js');
const { checkWindow, filesBelow } = require('./window.js');

/** What an app archive must hold besides the window, and what it must not. */
const NEEDED = ['main.js', 'preload.js', 'package.json'];
const UNWANTED =
  /^(test|scripts|build|src\/(builder|example))\/|\.test\.js$|^electron-builder\.yml$/;

const STEPS = [
  { name: 'backend', run: assemble },
  { name: 'runtime', run: verifyRuntime },
  { name: 'trust', run: writeTrust },
  { name: 'window', run: window },
  { name: 'electron-builder', run: build },
  { name: 'packaged app', run: verifyApp },
  { name: 'artefacts', run: listArtefacts },
];

/** Assemble the runtime for the target; a release from the locks alone. */
async function assemble({ wanted, project, env }) {
  if (wanted.keepBackend) return 'kept as it is';
  const locked = wanted.release ? ['--locked'] : [];
  await packager(project, env, ['assemble', '--platform', wanted.target, ...locked], true);
  return `assembled for ${wanted.target}`;
}

/** The runtime is what was signed, and its launcher is there. */
async function verifyRuntime(context) {
  const { wanted, project, env } = context;
  const runtime = runtimeOf(context);
  const launcher = wanted.system === 'win' ? 'peft_engine.exe' : 'peft_engine';
  if (!fs.existsSync(path.join(runtime, launcher))) {
    throw new Error(`${path.join(runtime, launcher)} is missing: the backend was not built`);
  }
  const words = ['verify', runtime, '--platform', wanted.target, '--json'];
  const {
    files_checked: files,
    product,
    version,
  } = JSON.parse(await packager(project, env, words));
  return `${product} ${version} verified, ${files} files`;
}

/** Whom the app is to believe goes into its own code. */
async function writeTrust(context) {
  const { wanted, project, electron, env } = context;
  const output = path.join(electron, 'trust');
  const words = ['keys', 'trusted', runtimeOf(context), '--output', output, '--json'];
  const { name, purpose } = JSON.parse(await packager(project, env, words));
  readTrust(output);
  if (purpose === 'release') return `trust/${name}`;
  if (wanted.release) throw new Error('a release needs a runtime signed by a release key');
  return `trust/${name}: NOT FOR RELEASE, it believes this machine's development key`;
}

/** The window is complete: nothing it refers to is missing, nothing comes from elsewhere. */
async function window({ electron }) {
  const { files, references } = checkWindow(path.join(electron, 'window'));
  return `${files.length} files, ${references} references, taken as they are: nothing to compile`;
}

/** electron-builder packs, its hooks sign, seal and verify. */
async function build(context) {
  const { electron } = context;
  const program = require.resolve('electron-builder/cli.js', { paths: [electron] });
  empty(outputOf(context)); // what is listed later is of this run
  const words = [program, ...builderWords(context)];
  await run(process.execPath, words, { cwd: electron, env: setupEnv(context), echo: true });
  return 'packed';
}

/** Take away what an earlier run left, and nothing that is somebody else's. */
function empty(output) {
  const found = fs.existsSync(output) ? fs.readdirSync(output) : [];
  const ours = found.some((name) => name.startsWith('builder-') || /^mac|-unpacked$/.test(name));
  if (found.length && !ours)
    throw new Error(`${output} holds other files: choose another directory`);
  fs.rmSync(output, { recursive: true, force: true });
}

/** What build/installer.nsi takes from its environment. */
function setupEnv(context) {
  const { electron, env } = context;
  return {
    ...env,
    SETUP_APP_DIR: path.join(outputOf(context), unpackedName(context.wanted)),
    SETUP_NODE: process.execPath,
    SETUP_SIGN: path.join(electron, 'src', 'builder', 'sign-windows.js'),
    SETUP_COMPRESSOR: env.SETUP_COMPRESSOR || '/SOLID lzma',
  };
}

/** What electron-builder calls the directory of an unpacked app. */
function unpackedName({ system, arch }) {
  return arch === 'x64' ? `${system}-unpacked` : `${system}-${arch}-unpacked`;
}

/** The unpacked app: its runtime is the one that was sealed, its archive holds what it needs. */
async function verifyApp(context) {
  const { wanted, electron } = context;
  const places = unpackedResources(outputOf(context), [wanted.system]);
  if (!places.length) throw new Error(`electron-builder left no app in ${outputOf(context)}`);
  const trust = readTrust(path.join(electron, 'trust'));
  const verified = [];
  for (const resources of places) {
    verified.push(...(await verifyPackaged(resources, trust)));
    checkArchive(path.join(resources, 'app.asar'), electron);
  }
  const count = verified.reduce((sum, { facts }) => sum + facts.filesChecked, 0);
  return `${verified.length} runtime, ${count} files verified; app.asar is complete`;
}

/** Every file of the window and the trust is in the archive, byte for byte; nothing that should not be. */
function checkArchive(archive, electron) {
  const packed = readAsar(archive);
  const own = ['window', 'trust'].flatMap((folder) =>
    filesBelow(path.join(electron, folder)).map((name) => `${folder}/${name}`),
  );
  const missing = [...NEEDED, ...own].filter((name) => !packed.has(name));
  if (!missing.length) missing.push(...missingPackages(packed));
  if (missing.length) throw new Error(`${archive} lacks ${missing.join(', ')}`);
  const changed = own.filter(
    (name) => !packed.read(name).equals(fs.readFileSync(path.join(electron, name))),
  );
  if (changed.length) throw new Error(`${archive} holds another ${changed.join(', ')}`);
  const unwanted = packed.names.filter((name) => UNWANTED.test(name));
  if (unwanted.length) throw new Error(`${archive} holds ${unwanted.slice(0, 5).join(', ')}`);
}

/**
 * The packages that the app or one of its packages depends on and the archive lacks: electron-builder
 * leaves out what it does not find, and goes on.
 */
function missingPackages(packed) {
  const missing = new Set();
  const pending = ['package.json'];
  const seen = new Set(pending);
  while (pending.length) {
    const file = pending.pop();
    const { dependencies = {} } = JSON.parse(packed.read(file));
    for (const name of Object.keys(dependencies)) {
      const found = packageFrom(packed, path.posix.dirname(file), name);
      if (!found) missing.add(`node_modules/${name}`);
      else if (!seen.has(found)) pending.push(found);
      seen.add(found);
    }
  }
  return [...missing];
}

/** Where Node finds a package from a directory: in its node_modules, else in one above. */
function packageFrom(packed, folder, name) {
  for (let at = folder; ; at = path.posix.dirname(at)) {
    const file = path.posix.join(at, 'node_modules', name, 'package.json');
    if (packed.has(file)) return file;
    if (at === '.') return undefined;
  }
}

/** What there is to hand out, with sizes. */
async function listArtefacts(context) {
  const output = outputOf(context);
  const files = fs
    .readdirSync(output, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('builder-'))
    .map(({ name }) => [name, fs.statSync(path.join(output, name)).size]);
  if (context.wanted.dir) return `the unpacked app is in ${output}`;
  if (!files.length) throw new Error(`electron-builder left no installer in ${output}`);
  const rows = files.map(([name, size]) => `\n      ${name}  ${(size / 1e6).toFixed(1)} MB`);
  return `in ${output}:${rows.join('')}\n     `;
}

function runtimeOf({ wanted, project }) {
  return path.join(project, 'backend', 'dist', wanted.target);
}

/** Where a target's artefacts go: one directory each, so that no run mixes with another's. */
function outputOf({ wanted, electron }) {
  return wanted.output ?? path.join(electron, 'dist', wanted.target);
}

function packager(project, env, words, echo = false) {
  const program = findPackager(project, env);
  return run(program, words, { cwd: project, env, echo, hint: PACKAGER_HINT });
}

module.exports = { STEPS, checkArchive, outputOf };
