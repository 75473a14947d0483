'use strict';

/** The backend's token is put on requests here, in main: the page never holds it. */

/**
 * The headers with which a request goes out.
 * @param {{url: string, headers: Record<string, string>, page: string | undefined}} request `page`:
 *   the address of the frame that makes it
 * @param {{port: number, token: string} | undefined} access of the service manager
 * @param {string} origin of our page
 */
function headersFor({ url, headers, page }, access, origin) {
  const kept = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization');
  const others = Object.fromEntries(kept);
  const ours = page?.startsWith(`${origin}/`);
  const backend = `//127.0.0.1:${access?.port}/`;
  const toBackend = ['http:', 'ws:'].some((scheme) => url.startsWith(`${scheme}${backend}`));
  if (!access || !ours || !toBackend) return others;
  return { ...others, Authorization: `Bearer ${access.token}` };
}

/**
 * Add the token to requests of our page to our backend, and to no others.
 * @param {object} session of Electron
 * @param {() => {port: number, token: string} | undefined} access
 * @param {string} origin
 */
function addToken(session, access, origin) {
  const addresses = (scheme) => [`${scheme}://127.0.0.1/*`, `${scheme}://127.0.0.1:*/*`];
  const filter = { urls: ['http', 'ws'].flatMap(addresses) };
  session.webRequest.onBeforeSendHeaders(filter, (details, callback) => {
    const { url, requestHeaders: headers, frame } = details;
    const page = frame?.parent ? undefined : frame?.url;
    callback({ requestHeaders: headersFor({ url, headers, page }, access(), origin) });
  });
}

module.exports = { addToken, headersFor };
