'use strict';

/** Verdicts over pipes: a vector a line on standard input, its verdict a line on standard output. */

const readline = require('node:readline');
const { verdict } = require('./verdicts.js');

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { vector, tree } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await verdict(vector, tree))}\n`);
  }
}

main();
