'use strict';

/**
 * Asking the backend how it is. Health is open to anyone, so it is not the token that goes there but
 * a challenge, which only who was given the token can answer: another program that has the port by
 * now is not believed, and learns nothing.
 *
 * The challenge comes in one header; the proof, HMAC-SHA-256 of domain and challenge with the token, in
 * hex, goes back in another. Their names, the domain and the path are settings.
 */

const crypto = require('node:crypto');
const http = require('node:http');
const { HOST } = require('./ports.js');

const LARGEST = 64 * 1024; // bytes; the answer has about 80

/**
 * @typedef {object} Health
 * @property {boolean} healthy
 * @property {number} responseTime milliseconds
 * @property {object} [answer] what the backend said of itself
 * @property {string} [error] why it is not healthy
 */

/**
 * Ask once; never throws.
 * @param {object} options
 * @param {{path: string, challengeHeader: string, proofHeader: string, proofDomain: string}} options.health
 * @param {number} options.port
 * @param {string} options.token of this start
 * @param {number} options.timeout milliseconds for the whole answer
 * @param {import('./clock.js').Clock} options.clock
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Health>}
 */
async function askHealth({ health, port, token, timeout, clock, signal }) {
  const started = clock.elapsed();
  const stop = new AbortController();
  const giveUp = () => stop.abort(new Error(`no answer in ${timeout} ms`));
  const follow = () => stop.abort(signal.reason);
  const timer = clock.setTimeout(giveUp, timeout);
  signal?.addEventListener('abort', follow, { once: true });
  const took = () => Math.round(clock.elapsed() - started);
  try {
    const challenge = crypto.randomBytes(16).toString('hex');
    const headers = { [health.challengeHeader]: challenge, connection: 'close' };
    const answer = await get({ health, port, headers, signal: stop.signal });
    const verdict = judge(answer, proofOf(token, health.proofDomain + challenge));
    return { ...verdict, responseTime: took() };
  } catch (error) {
    const reason = stop.signal.aborted ? stop.signal.reason : error;
    return { healthy: false, responseTime: took(), error: reason.message };
  } finally {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}

function proofOf(token, message) {
  return crypto.createHmac('sha256', token).update(message).digest('hex');
}

/** Whether an answer is that of our backend, in good health. */
function judge({ status, proof, body }, expected) {
  if (status !== 200) return { healthy: false, error: `status ${status}` };
  if (proof !== expected) return { healthy: false, error: 'another program answers on its port' };
  let answer;
  try {
    answer = JSON.parse(body);
  } catch {
    return { healthy: false, error: 'the answer is no JSON' };
  }
  if (answer?.status === 'healthy') return { healthy: true, answer };
  return { healthy: false, error: `it says ${JSON.stringify(answer?.status)}` };
}

function get({ health, port, headers, signal }) {
  return new Promise((resolve, reject) => {
    const options = { host: HOST, port, path: health.path, headers, signal, agent: false };
    const request = http.get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text) => {
        body += text;
        if (body.length > LARGEST) response.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => {
        const proof = response.headers[health.proofHeader];
        resolve({ status: response.statusCode, proof, body });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

module.exports = { askHealth };
