'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { checkWindow } = require('../scripts/window.js');

function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dist-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return folder;
}

const PAGE = '<!doctype html><link rel="stylesheet" href="a.css"><script src="a.js"></script>';

test('a complete window passes', (t) => {
  const css = 'body { background: url(img/x.png) } i { background: url("data:image/png;base64,") }';
  const files = {
    'index.html': PAGE,
    'a.css': css,
    'a.js': "import './b.js';",
    'b.js': "export const c = 'd';",
  };
  const folder = write(scratch(t), { ...files, 'img/x.png': '' });
  assert.deepEqual(checkWindow(folder).references, 5);
});

for (const [what, files, why] of [
  ['a page that is missing', { 'index.html': undefined }, /index\.html is missing/],
  [
    'a style sheet that is missing',
    { 'a.css': undefined },
    /index\.html refers to a\.css, .*missing/,
  ],
  ['a module that is missing', { 'a.js': "import './c.js';" }, /a\.js refers to \.\/c\.js/],
  ['an image that is missing', { 'a.css': 'b { x: url(y.png) }' }, /a\.css refers to y\.png/],
  ['something from elsewhere', { 'a.css': '@import "https://x.example/a.css"' }, /not the app's/],
  ['something outside', { 'a.js': "import '../main.js';" }, /outside/],
  ['an import over lines', { 'a.js': "import {\n  b,\n} from './b.mjs';" }, /refers to \.\/b\.mjs/],
  ['a script inline', { 'index.html': `${PAGE}<script>x()</script>` }, /a script inline/],
  ['an event handler inline', { 'index.html': `${PAGE}<b onclick="x()">` }, /handler inline/],
]) {
  test(`a window with ${what} is refused`, (t) => {
    const all = { 'index.html': PAGE, 'a.css': '', 'a.js': '', ...files };
    const kept = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined));
    assert.throws(() => checkWindow(write(scratch(t), kept)), why);
  });
}
