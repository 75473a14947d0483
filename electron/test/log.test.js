'use strict';

/** The log: file, memory, batches. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { FakeClock } = require('./clock.js');
const { makeLog, temporary } = require('./service-parts.js');

test('a line is in the file at once, with time, level and stream', (t) => {
  const log = makeLog(t, { clock: new FakeClock() });
  log.warning('careful');
  log.add('stderr', 'said by the backend', 'info');
  assert.equal(
    fs.readFileSync(log.file, 'utf8'),
    '2023-11-14T22:13:20.000Z warning app    careful\n' +
      '2023-11-14T22:13:20.000Z info    stderr said by the backend\n',
  );
});

test('no line can make another', (t) => {
  const log = makeLog(t);
  log.add('stdout', 'a\n2023-11-14T22:13:20.000Z error   app    forged\r\nb');
  assert.equal(fs.readFileSync(log.file, 'utf8').trim().split('\n').length, 1);
});

test('a full file is put aside, and the oldest goes', (t) => {
  const log = makeLog(t, { fileSize: 1000, files: 3 });
  for (let index = 0; index < 200; index += 1) log.info(`line ${index}`);
  const directory = path.dirname(log.file);
  assert.deepEqual(fs.readdirSync(directory).sort(), ['test.log', 'test.log.1', 'test.log.2']);
  for (const name of fs.readdirSync(directory)) {
    assert.ok(fs.statSync(path.join(directory, name)).size < 1100);
  }
  assert.match(fs.readFileSync(`${log.file}.1`, 'utf8'), /line 1\d\d\n/);
});

test('a file of an earlier run is continued and counts', (t) => {
  const first = makeLog(t, { fileSize: 100 });
  first.info('x'.repeat(30));
  first.close();
  const second = makeLog(t, { file: first.file, fileSize: 100 });
  second.info('y'.repeat(30));
  second.info('z');
  assert.match(fs.readFileSync(`${first.file}.1`, 'utf8'), /x{30}\n.*y{30}\n$/);
});

test('memory keeps the newest lines', (t) => {
  const log = makeLog(t, { kept: 10 });
  for (let index = 0; index < 1000; index += 1) log.info(String(index));
  const texts = log.newest(100).map(({ text }) => text);
  assert.deepEqual(texts, ['990', '991', '992', '993', '994', '995', '996', '997', '998', '999']);
  assert.deepEqual(
    log.newest(1).map(({ text }) => text),
    ['999'],
  );
});

test('listeners get lines in batches, ten a second at most', (t) => {
  const clock = new FakeClock();
  const batches = [];
  const log = makeLog(t, { clock, every: 100, onBatch: (batch) => batches.push(batch) });
  for (let index = 0; index < 100; index += 1) {
    log.info(String(index));
    log.drop(2);
    clock.advance(10);
  }
  assert.equal(batches.length, 10);
  assert.equal(batches.flatMap(({ lines }) => lines).length, 100);
  assert.equal(
    batches.reduce((sum, { dropped }) => sum + dropped, 0),
    200,
  );
  assert.match(fs.readFileSync(log.file, 'utf8'), /20 lines came too fast and were left out/);
  clock.advance(1000);
  assert.equal(batches.length, 10);
});

test('a log that cannot be written stops nobody', (t) => {
  const file = path.join(temporary(t), 'a file');
  fs.writeFileSync(file, '');
  const log = makeLog(t, { file: path.join(file, 'test.log') });
  log.info('lost on disk');
  assert.equal(log.unwritten, 1);
  assert.equal(log.newest(1)[0].text, 'lost on disk');
});
