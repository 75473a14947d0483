'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { isRelease, urlProblem, whyDisabled } = require('../src/updates/policy.js');
const { disagreement, openStatement, statementUrl } = require('../src/updates/statement.js');
const { standing } = require('../src/updates/trial.js');
const { isNewer } = require('../src/updates/versions.js');
const { infoOf, makeKey, statementOf, trustIn } = require('./signed-updates.js');

const APP = { name: 'PEFT-Studio.AppImage', content: Buffer.from('version 0.2.0') };
const WANTED = { product: 'peft-studio', version: '0.2.0', platform: 'linux-x64' };
const RELEASE = makeKey('release');
const DEVELOPMENT = makeKey('development');

test('versions are ordered as semver orders them', () => {
  const ascending = ['0.1.0', '0.2.0-alpha', '0.2.0-alpha.1', '0.2.0-alpha.beta', '0.2.0-beta.2'];
  ascending.push('0.2.0-beta.11', '0.2.0-rc.1', '0.2.0', '0.10.0', '1.0.0');
  for (const [index, version] of ascending.entries()) {
    assert.equal(isNewer(version, version), false);
    for (const older of ascending.slice(0, index)) {
      assert.equal(isNewer(version, older), true, `${version} after ${older}`);
      assert.equal(isNewer(older, version), false, `${older} before ${version}`);
    }
  }
  assert.equal(isNewer('1.0.0+build.2', '1.0.0+build.1'), false, 'a build is no version');
});

test('what is no version is refused rather than guessed', () => {
  for (const text of ['', '1', '1.2', 'v1.2.3', '01.2.3', '1.2.3 ', '1.2.3-', undefined, 7]) {
    assert.throws(() => isNewer(text, '0.1.0'), /not a version/, String(text));
  }
});

test('updates come over https; from this machine only for builds that are no release', () => {
  assert.equal(urlProblem('https://updates.example/app', true), undefined);
  assert.equal(urlProblem('http://127.0.0.1:8080/', false), undefined);
  for (const [url, release] of [
    ['http://127.0.0.1:8080/', true],
    ['http://updates.example/', false],
    ['http://127.0.0.1.updates.example/', false],
    ['file:///tmp/updates', false],
    ['updates.example', false],
    [undefined, false],
  ]) {
    assert.match(urlProblem(url, release), /https only/, `${url} ${release}`);
  }
});

test('a build that could not check an update is not updated, and says why', () => {
  const config = { provider: 'generic', url: 'https://updates.example/' };
  const build = { packaged: true, release: true, system: 'linux', appImage: '/a.AppImage', config };
  assert.equal(whyDisabled(build), undefined);
  const refused = {
    'for development': { packaged: false },
    'no update server': { config: undefined },
    'not from github': { config: { provider: 'github' } },
    'https only': { config: { ...config, url: 'http://127.0.0.1/' } },
    'Only the AppImage': { appImage: undefined },
    'name its publisher': { system: 'win32' },
  };
  for (const [words, change] of Object.entries(refused)) {
    assert.match(whyDisabled({ ...build, ...change }), new RegExp(words));
  }
  const named = (publisherName) => ({
    ...build,
    system: 'win32',
    config: { ...config, publisherName },
  });
  assert.match(whyDisabled(named([])), /name its publisher/);
  assert.match(whyDisabled(named(' ')), /name its publisher/);
  assert.equal(whyDisabled(named(['CN=PEFT Studio'])), undefined);
});

test('a build is a release when it trusts a release key', () => {
  assert.equal(isRelease(trustIn(DEVELOPMENT)), false);
  assert.equal(isRelease(trustIn(DEVELOPMENT, RELEASE)), true);
});

test('a signed statement is believed for the version it is about', () => {
  const envelope = statementOf(RELEASE, { files: [APP] });
  const statement = openStatement(envelope, trustIn(RELEASE), WANTED);
  assert.equal(statement.files.get(APP.name).size, APP.content.length);
  assert.equal(disagreement(infoOf({ files: [APP] }), statement), undefined);
});

test('a statement that does not prove anything is refused', () => {
  const files = [APP];
  const trust = trustIn(RELEASE);
  const other = makeKey('release');
  const refused = {
    'not signed by a trusted key': [statementOf(other, { files }), trust],
    'development key only': [statementOf(DEVELOPMENT, { files }), trustIn(DEVELOPMENT, RELEASE)],
    'about version 0.3.0': [statementOf(RELEASE, { files, version: '0.3.0' }), trust],
    'about product other': [statementOf(RELEASE, { files, product: 'other' }), trust],
    'about platform win-x64': [statementOf(RELEASE, { files, platform: 'win-x64' }), trust],
    'payloadType application': [statementOf(RELEASE, { files, type: 'text/plain' }), trust],
    'schema 1 expected': [statementOf(RELEASE, { files, schema: 2 }), trust],
    'is unknown': [statementOf(RELEASE, { files, more: 1 }), trust],
    '"signatures" is missing': [Buffer.from('{"payload":"","payloadType":"x"}'), trust],
    UPDATE: [Buffer.from('<html>'), trust],
  };
  for (const [words, [envelope, believed]] of Object.entries(refused)) {
    assert.throws(
      () => openStatement(envelope, believed, WANTED),
      (error) => error.code === 'UPDATE_NOT_SIGNED' && `${error.code} ${error}`.includes(words),
      words,
    );
  }
});

test('a latest.yml that names another file or digest than was signed is refused', () => {
  const statement = openStatement(statementOf(RELEASE, { files: [APP] }), trustIn(RELEASE), WANTED);
  const changed = { ...APP, content: Buffer.from('something else') };
  const further = { name: 'other.AppImage', content: APP.content };
  assert.match(disagreement(infoOf({ files: [changed] }), statement), /not the signed one/);
  assert.match(disagreement(infoOf({ files: [APP, further] }), statement), /not among the signed/);
  assert.match(disagreement({ version: '0.2.0', files: [] }, statement), /names no file/);
  assert.match(disagreement({ version: '0.2.0' }, statement), /names no file/);
});

test('a statement lies beside the files, under its version', () => {
  const expected = 'https://updates.example/app/update-0.2.0-linux-x64.dsse.json';
  assert.equal(statementUrl('https://updates.example/app', '0.2.0', 'linux-x64'), expected);
  assert.equal(statementUrl('https://updates.example/app/', '0.2.0', 'linux-x64'), expected);
});

test('a start knows what an earlier update came to', () => {
  const target = '/home/anna/PEFT-Studio.AppImage';
  const state = (phase, more) => ({ phase, from: '0.1.0', to: '0.2.0', target, ...more });
  const cases = [
    [undefined, '0.2.0', 'nothing'],
    [state('pending'), '0.2.0', 'trial'],
    [state('started'), '0.2.0', 'trial'],
    [state('left'), '0.2.0', 'trial'],
    [state('failed'), '0.2.0', 'trial'],
    [state('confirmed'), '0.2.0', 'nothing'],
    [state('put-back'), '0.1.0', 'put-back'],
    [state('pending'), '0.1.0', 'not-installed'],
    [state('told'), '0.1.0', 'nothing'],
    [state('pending'), '0.3.0', 'nothing'],
    [state('pending', { target: '/elsewhere.AppImage' }), '0.2.0', 'nothing'],
  ];
  for (const [found, version, expected] of cases) {
    assert.equal(standing(found, { version, target }), expected, `${found?.phase} ${version}`);
  }
});
