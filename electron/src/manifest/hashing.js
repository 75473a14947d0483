'use strict';

/** Hashing many files on all cores: workers of this same file, each with its share. */

const os = require('node:os');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { compareFiles } = require('./comparing.js');

const MAX_WORKERS = 4;
/** Bytes up to which starting a worker (10 ms) costs more than hashing here. */
const HERE = 8 * 1024 * 1024;
/** What opening and closing a file costs, in bytes hashed in that time. */
const OPENING = 30_000;

/**
 * Start hashing `files` below `base`.
 * @param {string} base
 * @param {{path: string, sha256: string, size: number}[]} files
 * @returns {() => Promise<import('./problems.js').Problem[]>} waits for a problem per file that differs
 */
function startHashing(base, files) {
  const shares = sharesOf(files, workersFor(files));
  if (shares.length === 1) return async () => compareFiles(base, files);
  const results = shares.map((share) => inWorker(base, share));
  // Whoever is not waiting yet must not make a failure an unhandled one.
  const all = Promise.all(results);
  all.catch(() => {});
  return async () => (await all).flat();
}

function workersFor(files) {
  const cost = files.reduce((sum, file) => sum + file.size + OPENING, 0);
  return cost <= HERE ? 1 : Math.max(2, Math.min(os.availableParallelism(), MAX_WORKERS));
}

/** The files in `count` parts that take about as long: each to whoever has the least. */
function sharesOf(files, count) {
  const shares = Array.from({ length: count }, () => ({ cost: 0, files: [] }));
  for (const file of [...files].sort((a, b) => b.size - a.size)) {
    const least = shares.reduce((a, b) => (b.cost < a.cost ? b : a));
    least.files.push({ path: file.path, sha256: file.sha256, size: file.size });
    least.cost += file.size + OPENING;
  }
  return shares.map((share) => share.files);
}

function inWorker(base, files) {
  return runWorker(__filename, { hash: { base, files } });
}

/**
 * The one message that a worker answers with.
 * @param {string} file its source
 * @param {object} data what it is given
 * @returns {Promise<any>} rejects when it ends without an answer
 */
function runWorker(file, data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData: data });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a verifying worker ended with code ${code}`)));
  });
}

if (!isMainThread && workerData?.hash) {
  const { base, files } = workerData.hash;
  parentPort.postMessage(compareFiles(base, files));
}

module.exports = { runWorker, startHashing };
