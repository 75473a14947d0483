'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { bareSigned } = require('../src/builder/bare.js');
const { credentials, notarize } = require('../src/builder/notarize.js');
const { replace } = require('../src/builder/replace.js');
const { isProgram, macIdentity, macSigner } = require('../src/builder/sign-mac.js');
const { sign, windowsSigner } = require('../src/builder/sign-windows.js');
const { inParallel } = require('../src/builder/tools.js');

const LAUNCHERS = path.join(__dirname, '..', '..', 'runtime_packager', 'launcher', 'bin');
const ENTITLEMENTS = path.join(__dirname, '..', 'build');

function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'builder-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

/** A launcher of ours to sign, in a directory of its own. */
function launcher(folder, target, name) {
  const file = path.join(folder, name);
  fs.copyFileSync(path.join(LAUNCHERS, target, `launcher${path.extname(name)}`), file);
  fs.chmodSync(file, 0o755);
  return file;
}

function available(program) {
  return spawnSync(program, ['--version']).error === undefined;
}

// --- putting a changed file in place

test('a replaced file leaves what shares its bytes alone, and keeps its mode', async (t) => {
  const file = path.join(scratch(t), 'engine.exe');
  fs.writeFileSync(file, 'sealed', { mode: 0o755 });
  fs.linkSync(file, `${file}.cache`);
  await replace(file, async (source, made) => {
    assert.equal(path.extname(made), '.exe', 'signtool goes by the extension');
    fs.writeFileSync(made, `${fs.readFileSync(source)} and signed`, { mode: 0o600 });
  });
  assert.equal(fs.readFileSync(file, 'utf8'), 'sealed and signed');
  assert.equal(fs.statSync(file).mode & 0o777, 0o755);
  assert.equal(fs.readFileSync(`${file}.cache`, 'utf8'), 'sealed');
});

test('a file that could not be replaced is as it was, and nothing lies beside it', async (t) => {
  const folder = scratch(t);
  const file = path.join(folder, 'engine.exe');
  fs.writeFileSync(file, 'sealed');
  const half = async (source, made) => {
    fs.writeFileSync(made, 'half');
    throw new Error('no space');
  };
  await assert.rejects(replace(file, half), /no space/);
  assert.deepEqual(fs.readdirSync(folder), ['engine.exe']);
  assert.equal(fs.readFileSync(file, 'utf8'), 'sealed');
});

test('of many files the first failure is thrown, and no other is begun after it', async () => {
  const begun = [];
  const work = async (item) => {
    begun.push(item);
    if (item === 2) throw new Error(`${item} failed`);
  };
  await assert.rejects(inParallel([1, 2, 3, 4, 5], 1, work), /2 failed/);
  assert.deepEqual(begun, [1, 2]);
});

// --- Windows

test('no certificate: nothing signs, and a build that was to be signed ends', async () => {
  assert.equal(windowsSigner({}), null);
  await assert.rejects(sign({ path: 'app.exe' }, { forceCodeSigning: true }), /NOT SIGNED/);
});

test('half of a wish to sign is refused, not passed over', (t) => {
  const file = path.join(scratch(t), 'certificate.pem');
  fs.writeFileSync(file, '');
  const refused = [
    [{ WINDOWS_SIGN_PASSWORD: 'x' }, /WINDOWS_SIGN_CERTIFICATE is not set/],
    [{ WINDOWS_SIGN_TIMESTAMP: 'http://127.0.0.1' }, /WINDOWS_SIGN_CERTIFICATE is not set/],
    [{ WINDOWS_SIGN_CERTIFICATE: '/nowhere.pfx' }, /there is no \/nowhere.pfx/],
    [{ WINDOWS_SIGN_CERTIFICATE: file }, /needs WINDOWS_SIGN_KEY/],
    [{ WINDOWS_SIGN_THUMBPRINT: 'ab' }, /needs Windows/],
  ];
  for (const [env, why] of refused) assert.throws(() => windowsSigner(env, 'linux'), why);
  const onWindows = { WINDOWS_SIGN_CERTIFICATE: file, WINDOWS_SIGN_PASSWORD: 'x' };
  assert.throws(() => windowsSigner(onWindows, 'win32'), /WINDOWS_SIGN_THUMBPRINT/);
});

const osslsigncode = { skip: !available('osslsigncode') && 'apt install osslsigncode' };

function certificate(folder, password) {
  const [chain, key] = ['certificate.pem', 'key.pem'].map((name) => path.join(folder, name));
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-subj', '/CN=Nobody', '-days', '30'];
  words.push('-addext', 'extendedKeyUsage=codeSigning', '-passout', `pass:${password}`);
  execFileSync('openssl', [...words, '-keyout', key, '-out', chain], { stdio: 'ignore' });
  return {
    WINDOWS_SIGN_CERTIFICATE: chain,
    WINDOWS_SIGN_KEY: key,
    WINDOWS_SIGN_PASSWORD: password,
  };
}

test('a real tool signs a real program, with PEM and with PKCS #12', osslsigncode, async (t) => {
  const folder = scratch(t);
  const env = certificate(folder, 'secret');
  const store = path.join(folder, 'certificate.pfx');
  const words = ['pkcs12', '-export', '-inkey', env.WINDOWS_SIGN_KEY, '-passin', 'pass:secret'];
  words.push('-in', env.WINDOWS_SIGN_CERTIFICATE, '-passout', 'pass:other', '-out', store);
  execFileSync('openssl', words);
  const kinds = [env, { WINDOWS_SIGN_CERTIFICATE: store, WINDOWS_SIGN_PASSWORD: 'other' }];
  for (const wish of kinds) {
    const program = launcher(folder, 'win-x64', 'peft_engine.exe');
    assert.equal(bareSigned(program), false);
    await windowsSigner(wish)(program, { name: 'PEFT Studio' });
    assert.equal(bareSigned(program), true);
    const verify = ['verify', '-CAfile', env.WINDOWS_SIGN_CERTIFICATE, '-in', program];
    execFileSync('osslsigncode', verify, { stdio: 'ignore' });
  }
});

test('a wrong password ends it, names the file and leaves it alone', osslsigncode, async (t) => {
  const folder = scratch(t);
  const env = { ...certificate(folder, 'secret'), WINDOWS_SIGN_PASSWORD: 'wrong' };
  const program = launcher(folder, 'win-x64', 'peft_engine.exe');
  const before = fs.readFileSync(program);
  await assert.rejects(windowsSigner(env)(program), /peft_engine\.exe was not signed/);
  assert.deepEqual(fs.readFileSync(program), before);
});

test('a timestamp server that does not answer ends it', osslsigncode, async (t) => {
  const folder = scratch(t);
  const env = { ...certificate(folder, 'secret'), WINDOWS_SIGN_TIMESTAMP: 'http://127.0.0.1:9/' };
  const program = launcher(folder, 'win-x64', 'peft_engine.exe');
  await assert.rejects(windowsSigner(env)(program), /peft_engine\.exe was not signed/);
  assert.equal(bareSigned(program), false);
});

test('no password stands on a command line', { skip: os.platform() === 'win32' }, async (t) => {
  const folder = scratch(t);
  const env = {
    WINDOWS_SIGN_CERTIFICATE: path.join(folder, 'c.pfx'),
    WINDOWS_SIGN_PASSWORD: 'hush',
  };
  fs.writeFileSync(env.WINDOWS_SIGN_CERTIFICATE, '');
  const seen = path.join(folder, 'seen');
  const stand = path.join(folder, 'osslsigncode');
  const script = `#!/bin/sh
printf '%s\\n' "$@" > ${seen}
while [ "$1" != -readpass ]; do shift; done
cat "$2" > ${seen}.password; stat -c %a "$2" > ${seen}.mode; printf '%s' "$2" > ${seen}.file
exit 1
`;
  fs.writeFileSync(stand, script, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${folder}${path.delimiter}${before}`;
  t.after(() => (process.env.PATH = before));
  const program = launcher(folder, 'win-x64', 'peft_engine.exe');
  await assert.rejects(windowsSigner(env)(program));
  assert.doesNotMatch(fs.readFileSync(seen, 'utf8'), /hush/);
  assert.equal(fs.readFileSync(`${seen}.password`, 'utf8'), 'hush');
  assert.equal(fs.readFileSync(`${seen}.mode`, 'utf8'), '600\n');
  assert.equal(fs.existsSync(fs.readFileSync(`${seen}.file`, 'utf8')), false);
});

// --- macOS, with stand-ins for Apple's tools

/** Stands in for a program's run; answers what `answers` says for its first word. */
function recorder(answers = {}) {
  const calls = [];
  const execute = async (program, words) => {
    calls.push([program, ...words]);
    const answer = answers[words[0] === 'notarytool' ? words[1] : program];
    if (answer instanceof Error) throw answer;
    return answer ?? '';
  };
  return { calls, execute };
}

test('programs get the entitlements of the runtime, libraries none', async (t) => {
  const folder = scratch(t);
  const program = launcher(folder, 'mac-arm64', 'peft_engine');
  const library = path.join(folder, 'libssl.dylib');
  const bytes = fs.readFileSync(program);
  bytes.writeUInt32LE(6, 12); // MH_DYLIB
  fs.writeFileSync(library, bytes);
  assert.deepEqual([isProgram(program), isProgram(library)], [true, false]);
  const { calls, execute } = recorder();
  const options = { identity: 'Developer ID Application: We', entitlements: 'e.plist', execute };
  for (const file of [program, library]) await macSigner(options)(file);
  assert.ok(calls[0].includes('--entitlements') && calls[0].includes('e.plist'));
  assert.ok(!calls[1].includes('--entitlements'));
  for (const call of calls) {
    assert.equal(call.join(' ').includes('--options runtime --timestamp'), true);
  }
});

test('a program that codesign refuses ends it and is as it was', async (t) => {
  const program = launcher(scratch(t), 'mac-x64', 'peft_engine');
  const before = fs.readFileSync(program);
  const { execute } = recorder({ codesign: new Error('errSecInternalComponent') });
  const signer = macSigner({ identity: '-', entitlements: 'e.plist', execute });
  await assert.rejects(signer(program), /peft_engine was not signed: errSecInternalComponent/);
  assert.deepEqual(fs.readFileSync(program), before);
});

test('the identity is the one that was named, else the first Developer ID', async () => {
  const security = `  1) AB "Apple Development: Ann (1)"
  2) CD "Developer ID Application: We (2)"
  3) EF "Developer ID Application: They (3)"`;
  const { execute } = recorder({ security });
  assert.equal(await macIdentity({ env: {}, execute }), 'Developer ID Application: We (2)');
  const they = await macIdentity({ env: { CSC_NAME: 'They' }, execute });
  assert.equal(they, 'Developer ID Application: They (3)');
  await assert.rejects(macIdentity({ env: { CSC_NAME: 'Nobody' }, execute }), /no such/);
  const none = recorder({ security: '  0 valid identities found' });
  assert.equal(await macIdentity({ env: {}, execute: none.execute }), null);
});

const KEY = { APPLE_API_KEY: 'key.p8', APPLE_API_KEY_ID: 'K', APPLE_API_ISSUER: 'I' };

test('notarisation sends the app in, waits for Apple, and staples the ticket', async () => {
  const { calls, execute } = recorder({ submit: '{"id": "1", "status": "Accepted"}' });
  const done = await notarize('/tmp/PEFT Studio.app', { env: KEY, platform: 'darwin', execute });
  assert.equal(done, true);
  const programs = calls.map(([program, first]) => `${program} ${first}`);
  assert.deepEqual(programs, ['ditto -c', 'xcrun notarytool', 'xcrun stapler']);
  assert.equal(fs.existsSync(path.dirname(calls[0].at(-1))), false, 'the archive is gone');
});

test("what Apple refuses ends the build with Apple's reasons, and no ticket is stapled", async () => {
  const answers = { submit: '{"id": "7", "status": "Invalid"}', log: 'python3.12: not signed' };
  const { calls, execute } = recorder(answers);
  const asked = notarize('/tmp/A.app', { env: KEY, platform: 'darwin', execute });
  await assert.rejects(asked, /Invalid\):\npython3\.12: not signed/);
  assert.ok(!calls.some((call) => call.includes('stapler')));
});

test('without credentials it is left out with a warning; with half of them it ends', async () => {
  const warnings = [];
  const warn = (text) => warnings.push(text);
  assert.equal(await notarize('/tmp/A.app', { env: {}, platform: 'darwin', warn }), false);
  assert.match(warnings[0], /NOT NOTARISED/);
  assert.throws(() => credentials({ APPLE_API_KEY: 'k' }), /APPLE_API_KEY_ID and APPLE_API_ISSUER/);
  await assert.rejects(notarize('/tmp/A.app', { env: KEY, platform: 'linux' }), /needs macOS/);
});

test('the entitlements are what is needed and no more', { skip: !available('python3') }, () => {
  const read = (name) => {
    const script =
      'import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
    const input = fs.readFileSync(path.join(ENTITLEMENTS, name));
    return JSON.parse(execFileSync('python3', ['-c', script], { input }));
  };
  const cs = 'com.apple.security.cs.';
  assert.deepEqual(read('entitlements.mac.plist'), { [`${cs}allow-jit`]: true });
  assert.deepEqual(read('entitlements.runtime.plist'), {
    [`${cs}allow-jit`]: true,
    [`${cs}allow-unsigned-executable-memory`]: true,
    [`${cs}disable-library-validation`]: true,
  });
});
