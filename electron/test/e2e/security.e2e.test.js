'use strict';

/** What other programs, other pages and our own page can get: tried against the running app. */

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { promisify } = require('node:util');
const { argsFor, lives, startApp, unavailable, until } = require('./development.js');
const { electronProgram } = require('./real-electron.js');

const skip = unavailable();
const cleanups = [];
let running;
let port;

before(async () => {
  if (skip) return;
  running = await startApp({ after: (f) => cleanups.push(f) });
  port = running.ready.port;
});
after(async () => {
  for (const clean of cleanups) await clean();
});

/** One request with exactly these headers; @returns its status and body. */
function ask(pathname, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: pathname, method, headers };
    const request = http.request(options, (response) => {
      let body = '';
      response.on('data', (text) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      );
    });
    request.on('error', reject).end();
  });
}

test('the window shows a backend that is ready', { skip }, async () => {
  assert.equal(await running.page.title().then((title) => title.includes('PEFT Studio')), true);
  assert.ok(lives(running.ready.pid));
  assert.equal(running.ready.mode ?? 'development', 'development');
  const visible = await running.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map((window) => window.isVisible()),
  );
  assert.deepEqual(visible, [true]);
});

test('another program without the token gets nothing but health', { skip }, async () => {
  assert.equal((await ask('/api/health')).status, 200);
  assert.equal((await ask('/api/version')).status, 401);
  assert.equal((await ask('/api/version', { authorization: 'Bearer guess' })).status, 401);
});

test('the token is in no list of processes, no log and no page', { skip }, async () => {
  const { pid } = running.ready;
  const environment = fs.readFileSync(`/proc/${pid}/environ`, 'latin1');
  const token = /PEFT_STUDIO_TOKEN=([0-9a-f]{64})/.exec(environment)[1];
  assert.equal((await ask('/api/version', { authorization: `Bearer ${token}` })).status, 200);
  for (const process of [pid, running.main.pid]) {
    assert.ok(!fs.readFileSync(`/proc/${process}/cmdline`, 'latin1').includes(token));
  }
  assert.ok(!running.log().includes(token));
  assert.ok(!(await running.page.content()).includes(token));
  const logs = await running.page.evaluate(() => window.peftStudio.invoke('backend-get-logs'));
  assert.ok(!JSON.stringify(logs).includes(token));
});

test(
  'a name that was made to point here, and a foreign origin, are refused',
  { skip },
  async () => {
    assert.equal((await ask('/api/health', { host: `evil.example:${port}` })).status, 400);
    for (const origin of [
      'http://evil.example',
      'null',
      `http://127.0.0.1:${port}`,
      'app://other',
    ]) {
      const { status, headers } = await ask('/api/health', { origin });
      assert.equal(status, 403, origin);
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  },
);

test('a foreign page in a real browser reads nothing', { skip }, async (t) => {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>evil</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const attack = `(async () => {
    const results = {};
    const attempt = async (name, f) => {
      try { results[name] = await f(); } catch (error) { results[name] = 'failed'; }
    };
    for (const address of ['http://127.0.0.1:${port}', 'http://evil.test:${port}']) {
      await attempt(address, async () => (await fetch(address + '/api/health')).status);
      await attempt(address + ' blind', async () =>
        (await fetch(address + '/api/version', { mode: 'no-cors' })).type);
      await attempt(address + ' frame', () => new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.src = address + '/api/version';
        frame.onload = () => {
          try { resolve(frame.contentDocument.body.textContent); } catch { resolve('failed'); }
        };
        document.body.append(frame);
      }));
    }
    return results;
  })()`;
  const found = await browse(t, `http://evil.test:${server.address().port}/`, attack);
  assert.equal(found[`http://127.0.0.1:${port}`], 'failed');
  assert.equal(found[`http://evil.test:${port}`], 'failed');
  assert.doesNotMatch(JSON.stringify(found), /"version"|python/);
});

/** Open a page as a browser does in which `evil.test` is this machine. */
async function browse(t, address, attack) {
  const profile = fs.mkdtempSync(path.join(running.profile, 'browser-'));
  const args = argsFor(profile).slice(0, -1);
  const rules = '--host-resolver-rules=MAP evil.test 127.0.0.1';
  const program = path.join(__dirname, 'foreign', 'main.js');
  const { stdout } = await promisify(execFile)(
    electronProgram(),
    [...args, rules, program, address, attack],
    { timeout: 60_000 },
  );
  return JSON.parse(/FOUND (.*)/.exec(stdout)[1]);
}

test('our page gets an answer without holding the token', { skip }, async () => {
  const answer = await running.page.evaluate(async (address) => {
    const response = await fetch(address);
    return { status: response.status, body: await response.json() };
  }, `http://127.0.0.1:${port}/api/version`);
  assert.equal(answer.status, 200);
  assert.equal(typeof answer.body.version, 'string');
});

test('the page has a bridge and nothing of Node or Electron', { skip }, async () => {
  const found = await running.page.evaluate(async () => ({
    bridge: Object.keys(window.peftStudio).sort(),
    node: [typeof require, typeof process, typeof module, typeof Buffer, typeof global],
    unknown: await window.peftStudio.invoke('shell').catch((error) => error.message),
    prototype: await window.peftStudio.invoke('__proto__').catch((error) => error.message),
    wrong: await window.peftStudio
      .invoke('backend-check-port', 'x')
      .catch((error) => error.message),
  }));
  assert.deepEqual(found.bridge, ['invoke', 'on']);
  assert.deepEqual(new Set(found.node), new Set(['undefined']));
  assert.match(found.unknown, /no channel/);
  assert.match(found.prototype, /no channel/);
  assert.match(found.wrong, /not an argument/);
  const preferences = await running.app.evaluate(({ BrowserWindow }) => {
    const { webContents } = BrowserWindow.getAllWindows()[0];
    return webContents.getLastWebPreferences();
  });
  const { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag } = preferences;
  assert.deepEqual(
    { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag },
    {
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    },
  );
});

test('the content security policy holds', { skip }, async (t) => {
  const outside = http.createServer((_request, response) => {
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end('got it');
  });
  let asked = 0;
  outside.on('request', () => (asked += 1));
  outside.listen(0, '127.0.0.1');
  await once(outside, 'listening');
  t.after(() => outside.close());
  const found = await running.page.evaluate(async (address) => {
    const tried = async (f) => {
      try {
        return await f();
      } catch (error) {
        return error.name;
      }
    };
    window.inlineRan = false;
    const script = document.createElement('script');
    await tried(() => {
      script.textContent = 'window.inlineRan = true';
      document.body.append(script);
    });
    const image = new Image();
    const loaded = new Promise((resolve) => {
      image.onload = () => resolve('loaded');
      image.onerror = () => resolve('blocked');
    });
    image.src = `${address}/image.png`;
    return {
      // Later, as the inspector's own code may evaluate.
      evaluated: await new Promise((resolve) =>
        setTimeout(() => resolve(tried(() => (0, eval)('1 + 1')))),
      ),
      fetched: await tried(() => fetch(address).then((response) => response.text())),
      image: await loaded,
      inline: window.inlineRan,
      markup: await tried(() => {
        document.createElement('div').innerHTML = '<img src=x>';
        return 'set';
      }),
    };
  }, `http://127.0.0.1:${outside.address().port}`);
  assert.deepEqual(found, {
    evaluated: 'EvalError',
    fetched: 'TypeError',
    image: 'blocked',
    inline: false,
    markup: 'TypeError',
  });
  assert.equal(asked, 0);
});

test('the page goes nowhere and opens nothing', { skip }, async () => {
  const { app, page } = running;
  const before = page.url();
  await app.evaluate(({ shell }) => {
    shell.opened = [];
    shell.openExternal = async (address) => shell.opened.push(address);
  });
  const opened = await page.evaluate((address) => {
    const windows = [
      window.open(address),
      window.open('https://evil.example/'),
      window.open('file:///etc/passwd'),
      window.open('https://www.python.org/downloads/'),
    ];
    location.href = address;
    return windows.map((other) => other === null);
  }, `http://127.0.0.1:${port}/api/health`);
  assert.deepEqual(opened, [true, true, true, true]);
  await until(() => running.log().includes('refused navigation'));
  assert.equal(page.url(), before);
  const counts = await app.evaluate(({ BrowserWindow, shell }) => ({
    windows: BrowserWindow.getAllWindows().length,
    opened: shell.opened,
  }));
  assert.deepEqual(counts, { windows: 1, opened: ['https://www.python.org/downloads/'] });
  assert.equal(
    await page.evaluate(() => window.peftStudio.invoke('backend-status').then(Boolean)),
    true,
  );
});

test('every permission is refused', { skip }, async () => {
  const found = await running.page.evaluate(async () => ({
    notification: await Notification.requestPermission(),
    camera: await navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => error.name),
    place: await new Promise((resolve) => {
      navigator.geolocation.getCurrentPosition(
        () => resolve('known'),
        () => resolve('refused'),
      );
    }),
  }));
  assert.equal(found.notification, 'denied');
  assert.match(found.camera, /NotAllowedError|NotFoundError/);
  assert.equal(found.place, 'refused');
});

test('a second start shows the first window and ends', { skip }, async () => {
  await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].minimize());
  const second = spawn(electronProgram(), argsFor(running.profile), {
    env: running.environment,
    stdio: 'ignore',
  });
  const [code] = await once(second, 'exit');
  assert.equal(code, 0);
  const state = () =>
    running.app.evaluate(({ BrowserWindow }) => ({
      count: BrowserWindow.getAllWindows().length,
      minimized: BrowserWindow.getAllWindows()[0].isMinimized(),
    }));
  await until(async () => !(await state()).minimized, 'the first window is shown');
  assert.equal((await state()).count, 1);
  assert.equal((await running.status()).pid, running.ready.pid);
});
