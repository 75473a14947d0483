'use strict';

/**
 * Hashing many files on all cores. Helpers are workers of this same file; they and the thread that
 * asks take batches off one list until it is empty, so that nobody waits for the slowest share.
 */

const os = require('node:os');
const { SHARE_ENV, Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { compareFiles } = require('./comparing.js');

/** Threads at most; more only wait for the disk. */
const MOST = 4;
/** Bytes up to which sharing the work costs more than doing it here. */
const HERE = 8 * 1024 * 1024;
/** What opening and closing a file costs, in bytes hashed in that time. */
const OPENING = 30_000;
const BATCH = 4 * 1024 * 1024;

/** Threads that hash; they start at once, for it takes 20 ms, and end with who started them. */
class Helpers {
  constructor() {
    const count = Math.max(1, Math.min(os.availableParallelism(), MOST) - 1);
    this.workers = Array.from({ length: count }, () => {
      const worker = new Worker(__filename, { env: SHARE_ENV, workerData: { hashing: true } });
      worker.unref(); // not needed yet, maybe never
      return worker;
    });
    this.idle = new Set(this.workers);
  }

  /** Let those that were never asked end in their own time: Electron logs it when one is killed. */
  close() {
    for (const worker of this.idle) {
      worker.ref();
      worker.postMessage(null);
    }
  }

  /**
   * Start hashing `files` below `base`.
   * @param {string} base
   * @param {{path: string, sha256: string, size: number}[]} files
   * @returns {() => Promise<import('./problems.js').Problem[]>} helps until all is done, and says
   *   what differs
   */
  start(base, files) {
    const rows = [...files].sort((a, b) => b.size - a.size);
    const task = {
      base,
      files: rows.map(({ path, sha256, size }) => ({ path, sha256, size })),
      starts: batchStarts(rows),
      next: new Int32Array(new SharedArrayBuffer(4)),
    };
    const cost = rows.reduce((sum, file) => sum + file.size + OPENING, 0);
    const answers = Promise.all(cost <= HERE ? [] : this.workers.map((one) => this.ask(one, task)));
    answers.catch(() => {}); // who is not waiting yet must not make it an unhandled one
    return async () => {
      const here = work(task);
      return here.concat(...(await answers));
    };
  }

  ask(worker, task) {
    this.idle.delete(worker);
    worker.ref();
    const answer = answerOf(worker);
    worker.postMessage(task);
    return answer;
  }
}

/**
 * The one message that a worker answers with.
 * @param {Worker} worker
 * @returns {Promise<any>} rejects when it ends without an answer
 */
function answerOf(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a verifying worker ended with code ${code}`)));
  });
}

/** Where each batch begins: the first ones are single large files. */
function batchStarts(files) {
  const starts = [];
  let room = 0;
  for (const [index, file] of files.entries()) {
    const cost = file.size + OPENING;
    if (room < cost) {
      starts.push(index);
      room = BATCH;
    }
    room -= cost;
  }
  return starts;
}

/** Take batches until there are none. */
function work({ base, files, starts, next }) {
  const problems = [];
  for (;;) {
    const batch = Atomics.add(next, 0, 1);
    if (batch >= starts.length) return problems;
    for (const problem of compareFiles(base, files.slice(starts[batch], starts[batch + 1]))) {
      problems.push(problem);
    }
  }
}

if (!isMainThread && workerData?.hashing) {
  parentPort.once('message', (task) => task && parentPort.postMessage(work(task)));
}

module.exports = { Helpers, answerOf };
