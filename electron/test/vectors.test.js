'use strict';

/** This verifier's verdict on every vector of tests/vectors/ is the one that is stated. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { isDeepStrictEqual } = require('node:util');
const { after, before, test } = require('node:test');
const { place } = require('./trees.js');
const { KINDS, baseTree, vectors, verdict } = require('./verdicts.js');

let directory;
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'vectors-'));
});
after(() => fs.rmSync(directory, { recursive: true }));

for (const kind of KINDS) {
  const all = vectors(kind);
  test(`${all.length} vectors of kind ${kind}`, async () => {
    const wrong = [];
    for (const vector of all) {
      const tree = path.join(directory, 'tree');
      if (kind === 'tree') place(tree, baseTree(vector), vector.actions);
      const { ids, problems } = await verdict(vector, tree);
      fs.rmSync(tree, { recursive: true, force: true });
      if (!isAsStated(vector, ids, problems)) wrong.push({ name: vector.name, ids, problems });
    }
    assert.deepEqual(wrong, []);
  });
}

function isAsStated({ expect, problems: stated }, ids, problems) {
  const expected = expect === 'ok' ? [] : [expect].flat().sort();
  const sorted = (rows) => rows.map((row) => JSON.stringify(row)).sort();
  if (!isDeepStrictEqual(ids, expected)) return false;
  return !stated || isDeepStrictEqual(sorted(problems), sorted(stated));
}
