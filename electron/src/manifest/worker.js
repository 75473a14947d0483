'use strict';

/** The worker in which a tree is verified: one task, one answer, as data that can be cloned. */

const { parentPort, workerData } = require('node:worker_threads');
const { Helpers } = require('./hashing.js');

const helpers = new Helpers(); // before all else: they start while the rest is loaded
const { InputError, IntegrityFailure } = require('./problems.js');
const { verifyTree } = require('./verify.js');

async function answer({ root, trust, options }) {
  try {
    return { facts: await verifyTree(root, trust, options, helpers) };
  } catch (error) {
    if (error instanceof IntegrityFailure || error instanceof InputError) {
      return { refused: { message: error.message, problems: error.problems } };
    }
    throw error; // a bug of ours: it reaches the caller as it is
  }
}

answer(workerData)
  .then((found) => parentPort.postMessage(found))
  .finally(() => helpers.close());
