'use strict';

/**
 * What verifying costs the desktop app: medians of RUNS runs, and how long its event loop waited.
 *
 *     node benchmarks/verifying_node.js TREE TRUSTED-KEYS.json
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { monitorEventLoopDelay, performance } = require('node:perf_hooks');
const { parseTrusted, verifyTree } = require('../electron/src/manifest-verify.js');

const RUNS = 9;

async function main([tree, keys]) {
  const trusted = parseTrusted(fs.readFileSync(keys));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'verifying-'));
  const record = path.join(directory, 'record.json');
  const ways = {
    exe: { level: 'exe' },
    quick: { level: 'quick' },
    full: { level: 'full' },
    'full, recorded': { level: 'full', record },
  };
  const found = {};
  for (const [name, options] of Object.entries(ways)) {
    await verifyTree(tree, trusted, options); // warm, and the record written
    found[name] = await measure(() => verifyTree(tree, trusted, options));
  }
  fs.rmSync(directory, { recursive: true });
  console.log(JSON.stringify(found, null, 1));
}

/** Milliseconds: the median of the runs, and the longest wait of the event loop in any of them. */
async function measure(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times = [];
  delay.enable();
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  delay.disable();
  times.sort((a, b) => a - b);
  const round = (value) => Math.round(value * 10) / 10;
  const seen = {
    median: times[RUNS >> 1],
    delayP99: delay.percentile(99) / 1e6,
    delayMax: delay.max / 1e6,
  };
  return Object.fromEntries(Object.entries(seen).map(([name, value]) => [name, round(value)]));
}

main(process.argv.slice(2));
