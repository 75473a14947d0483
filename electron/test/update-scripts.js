'use strict';

/** For tests: an app in place and a newer one beside it, both shell scripts that really run. */

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const NOBODY_LOGS = { info() {}, warning() {}, error() {} };
const IGNORED = { skip: process.platform === 'win32' && 'AppImages are for Linux' };
const PENDING = { phase: 'pending', from: '0.1.0', to: '0.2.0', at: 0 };

/** A directory with an app in place and a newer one downloaded; both are shell scripts. */
function setup(t, { old = 'exit 0', fresh = 'exit 0' } = {}) {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'update-'));
  t.after(() => fs.rmSync(place, { recursive: true, force: true }));
  const target = path.join(place, 'App.AppImage');
  const downloaded = path.join(place, 'downloaded');
  const file = path.join(place, 'data', 'update.json');
  const script = (lines) => `#!/bin/sh\nplace='${place}'\n${lines}\n`;
  fs.writeFileSync(target, script(old), { mode: 0o755 });
  fs.writeFileSync(downloaded, script(fresh));
  const sha512 = digest(downloaded);
  const content = (name) => fs.readFileSync(path.join(place, name), 'utf8');
  return {
    place,
    target,
    downloaded,
    file,
    sha512,
    content,
    old: script(old),
    fresh: script(fresh),
  };
}

function digest(file) {
  return crypto.createHash('sha512').update(fs.readFileSync(file)).digest('hex');
}

function namesIn(place) {
  return fs.readdirSync(place).sort();
}

async function waitForFile(file) {
  const deadline = Date.now() + 20_000;
  while (!fs.existsSync(file)) {
    assert.ok(Date.now() < deadline, `${file} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

module.exports = { IGNORED, NOBODY_LOGS, PENDING, digest, namesIn, setup, waitForFile };
