'use strict';

/** What the window may do, decided by pure functions. */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { INVOKED } = require('../src/channels.js');
const { answerWindow, refusal } = require('../src/shell/ipc.js');
const { judgeAddress } = require('../src/shell/navigation.js');
const { contentSecurityPolicy, fileOf } = require('../src/shell/protocol.js');
const { headersFor } = require('../src/shell/token.js');
const { makeLog } = require('./service-parts.js');

const ORIGIN = 'app://peft-studio';
const OUR_FRAME = { url: `${ORIGIN}/index.html`, parent: null };

test('the policy lets the page load its own files and ask the backend, nothing else', () => {
  const policy = contentSecurityPolicy([8000, 8001]);
  const rules = Object.fromEntries(
    policy.split('; ').map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1)]),
  );
  assert.deepEqual(rules['default-src'], ["'none'"]);
  assert.deepEqual(rules['script-src'], ["'self'"]);
  assert.deepEqual(rules['connect-src'], [
    'http://127.0.0.1:8000',
    'ws://127.0.0.1:8000',
    'http://127.0.0.1:8001',
    'ws://127.0.0.1:8001',
  ]);
  assert.ok(!policy.includes('unsafe'));
});

test('an address is a file of the page or nothing', () => {
  const file = (address) => fileOf(address, { origin: ORIGIN, directory: '/window' })?.file;
  assert.equal(file(`${ORIGIN}/index.html`), path.join('/window', 'index.html'));
  assert.equal(file(`${ORIGIN}/views/log.mjs?x#y`), path.join('/window', 'views', 'log.mjs'));
  for (const address of [
    `${ORIGIN}/../main.js`,
    `${ORIGIN}/%2e%2e/main.js`,
    `${ORIGIN}/..%2fmain.js`,
    `${ORIGIN}/a%5c..%5cmain.js`,
    `${ORIGIN}/.hidden.js`,
    `${ORIGIN}/c:/x.js`,
    `${ORIGIN}/a.js%00.html`,
    `${ORIGIN}/%ff.js`,
    `${ORIGIN}/data.json`,
    `${ORIGIN}/`,
    `${ORIGIN}`,
    `${ORIGIN}.evil/index.html`,
    'app://other/index.html',
    'file:///etc/passwd.html',
  ]) {
    const found = file(address);
    assert.ok(!found || found === path.join('/window', 'main.js'), `${address}: ${found}`);
  }
});

test('the window goes nowhere; links to the sites of the list open in the browser', () => {
  const judge = (address) => judgeAddress(address, { origin: ORIGIN, links: ['www.python.org'] });
  assert.equal(judge(`${ORIGIN}/index.html`), 'stay');
  assert.equal(judge('https://www.python.org/downloads/'), 'browser');
  for (const address of [
    'http://www.python.org/',
    'https://www.python.org.evil.example/',
    'https://www.python.org:8443/',
    'https://user@www.python.org/',
    'https://evil.example/',
    'http://127.0.0.1:8000/',
    'app://other/',
    'app://peft-studio.evil/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/html,x',
    'no address',
    '',
  ]) {
    assert.equal(judge(address), 'refuse', address);
  }
});

test("the token goes with our page's requests to our backend, and with no others", () => {
  const access = { port: 8000, token: 'secret' };
  const url = 'http://127.0.0.1:8000/api/version';
  const page = OUR_FRAME.url;
  const sent = (request, known = access) =>
    headersFor({ url, page, headers: { a: 'b' }, ...request }, known, ORIGIN);
  assert.deepEqual(sent({}), { a: 'b', Authorization: 'Bearer secret' });
  assert.deepEqual(sent({ url: 'ws://127.0.0.1:8000/api/runs/0/events' }), {
    a: 'b',
    Authorization: 'Bearer secret',
  });
  for (const request of [
    { url: 'http://127.0.0.1:8001/api/version' },
    { url: 'http://127.0.0.1:80000/' },
    { url: 'http://localhost:8000/' },
    { url: 'ws://127.0.0.1:8001/api/runs/0/events' },
    { url: 'wss://127.0.0.1:8000/api/runs/0/events' },
    { url: 'https://127.0.0.1:8000/' },
    { url: 'http://127.0.0.1:8000@evil.example/' },
    { page: undefined },
    { page: 'http://evil.example/' },
    { page: 'app://peft-studio.evil/index.html' },
    { page: 'about:blank' },
  ]) {
    assert.deepEqual(sent(request), { a: 'b' }, JSON.stringify(request));
  }
  assert.deepEqual(sent({}, null), { a: 'b' });
  assert.deepEqual(sent({ headers: { authorization: 'Bearer forged' } }), {
    Authorization: 'Bearer secret',
  });
});

test('only our page may ask, and only with arguments that a channel takes', () => {
  const refused = (channel, argument, frame = OUR_FRAME) =>
    refusal(channel, argument, frame, ORIGIN) !== undefined;
  assert.equal(refused('backend-status'), false);
  assert.equal(refused('backend-check-port', 8000), false);
  assert.equal(refused('backend-get-logs', { lines: 10 }), false);
  assert.equal(refused('backend-get-logs'), false);
  for (const frame of [
    null,
    { url: 'http://evil.example/', parent: null },
    { url: 'app://peft-studio.evil/', parent: null },
    { url: OUR_FRAME.url, parent: {} },
  ]) {
    assert.equal(refused('backend-status', undefined, frame), true);
  }
  for (const argument of [0, 65536, 1.5, '8000', null, undefined, {}, [], NaN, -1]) {
    assert.equal(refused('backend-check-port', argument), true, String(argument));
  }
  for (const argument of [
    { lines: 0 },
    { lines: 1e9 },
    { lines: '5' },
    { file: 'x' },
    5,
    'x',
    [1],
  ]) {
    assert.equal(refused('backend-get-logs', argument), true, JSON.stringify(argument));
  }
  assert.equal(refused('backend-restart', 'now'), true);
});

test('every channel answers: with its handler, or that this build has none', async (t) => {
  const handled = new Map();
  const ipcMain = { handle: (channel, f) => handled.set(channel, f) };
  const log = makeLog(t);
  answerWindow(ipcMain, { 'backend-status': () => 'fine' }, { origin: ORIGIN, log });
  assert.deepEqual([...handled.keys()], INVOKED);
  const event = { senderFrame: OUR_FRAME };
  assert.equal(await handled.get('backend-status')(event), 'fine');
  await assert.rejects(handled.get('check-for-updates')(event), /not available/);
  await assert.rejects(handled.get('backend-status')({ senderFrame: null }), /not from our page/);
  assert.throws(
    () => answerWindow(ipcMain, { other: () => {} }, { origin: ORIGIN, log }),
    TypeError,
  );
});
