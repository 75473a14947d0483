'use strict';

/** This verifier's verdict on every vector of tests/vectors/ is the one that is stated. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { place } = require('./trees.js');
const { KINDS, baseTree, vectors, verdict } = require('./verdicts.js');

let directory;
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'vectors-'));
});
after(() => fs.rmSync(directory, { recursive: true }));

for (const kind of KINDS) {
  describe(kind, () => {
    for (const [index, vector] of vectors(kind).entries()) {
      it(vector.name, async () => {
        const tree = path.join(directory, String(index));
        if (kind === 'tree') place(tree, baseTree(vector), vector.actions);
        const found = await verdict(vector, tree);
        assert.deepEqual(found.ids, expected(vector));
        if (vector.problems) assert.deepEqual(found.problems.sort(), vector.problems.sort());
        fs.rmSync(tree, { recursive: true, force: true });
      });
    }
  });
}

function expected({ expect }) {
  if (expect === 'ok') return [];
  return Array.isArray(expect) ? expect.sort() : [expect];
}
