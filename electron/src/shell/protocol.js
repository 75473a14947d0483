'use strict';

/** The window's page under an origin of its own, from the app's own files and nowhere else. */

const fs = require('node:fs/promises');
const path = require('node:path');

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

/**
 * What the page may do, for the `Content-Security-Policy` header: its own files, and requests to
 * the backend.
 * @param {readonly number[]} ports that the backend may have
 */
function contentSecurityPolicy(ports) {
  const hosts = ports.map((port) => `127.0.0.1:${port}`);
  // A websocket is a scheme of its own here.
  const backend = hosts.flatMap((host) => [`http://${host}`, `ws://${host}`]).join(' ');
  return [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src 'self'`,
    `connect-src ${backend}`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; ');
}

/**
 * The file that an address of the page stands for.
 * @param {string} address
 * @param {{origin: string, directory: string}} where
 * @returns {{file: string, type: string} | undefined} nothing for what there is not
 */
function fileOf(address, { origin, directory }) {
  if (!address.startsWith(`${origin}/`)) return undefined;
  let relative;
  try {
    relative = decodeURIComponent(new URL(address).pathname).slice(1);
  } catch {
    return undefined;
  }
  const type = TYPES[path.extname(relative)];
  // Names only: no "..", no hidden file, no drive, no stream, no other separator.
  const plain = relative.split('/').every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part));
  return type && plain ? { file: path.join(directory, relative), type } : undefined;
}

/**
 * Say that the scheme is that of a page like any other; before Electron is ready.
 * @param {object} electron
 * @param {string} scheme
 */
function registerScheme({ protocol }, scheme) {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme, privileges }]);
}

/**
 * Answer requests for the page's files.
 * @param {object} session of Electron
 * @param {object} options
 * @param {string} options.scheme
 * @param {string} options.origin
 * @param {string} options.directory with the page's files
 * @param {readonly number[]} options.ports that the backend may have
 */
function serveWindow(session, { scheme, origin, directory, ports }) {
  const headers = {
    'content-security-policy': contentSecurityPolicy(ports),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  };
  session.protocol.handle(scheme, async ({ url, method }) => {
    const found = method === 'GET' && fileOf(url, { origin, directory });
    const body = found && (await fs.readFile(found.file).catch(() => undefined));
    if (!body) return new Response('not found', { status: 404, headers });
    return new Response(body, { headers: { ...headers, 'content-type': found.type } });
  });
}

module.exports = { contentSecurityPolicy, fileOf, registerScheme, serveWindow };
