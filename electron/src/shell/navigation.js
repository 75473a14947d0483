'use strict';

/** Where the window may go: nowhere. Links to a few sites open in the browser. */

/**
 * What to do with an address that something in the window wants to open.
 * @param {string} address
 * @param {{origin: string, links: readonly string[]}} rules
 * @returns {'stay' | 'browser' | 'refuse'} `stay`: it is our page
 */
function judgeAddress(address, { origin, links }) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return 'refuse';
  }
  if (`${url.protocol}//${url.host}` === origin) return 'stay';
  const plain = url.protocol === 'https:' && !url.port && !url.username && !url.password;
  return plain && links.includes(url.hostname) ? 'browser' : 'refuse';
}

/**
 * Hold every page of the app to it.
 * @param {object} electron `{app, shell}`
 * @param {{origin: string, links: readonly string[], log: import('../log.js').Log}} rules
 */
function guardNavigation({ app, shell }, rules) {
  const refuse = (what, address) => rules.log.warning(`refused ${what}: ${shorten(address)}`);
  const onNavigate = (what) => (event) => {
    if (judgeAddress(event.url, rules) === 'stay' && event.isMainFrame !== false) return;
    event.preventDefault();
    refuse(what, event.url);
  };
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', onNavigate('navigation'));
    contents.on('will-redirect', onNavigate('redirection'));
    contents.on('will-frame-navigate', onNavigate('navigation of a frame'));
    contents.on('will-attach-webview', (event) => {
      event.preventDefault();
      refuse('webview', '');
    });
    contents.setWindowOpenHandler(({ url }) => {
      if (judgeAddress(url, rules) === 'browser') shell.openExternal(url).catch(() => {});
      else refuse('new window', url);
      return { action: 'deny' };
    });
  });
}

function shorten(address) {
  return address.slice(0, 200);
}

/**
 * Refuse every permission that a page can ask for.
 * @param {object} session of Electron
 * @param {(permission: string, origin: string) => boolean} allowed
 */
function refusePermissions(session, allowed = () => false) {
  session.setPermissionRequestHandler((_contents, permission, callback, { requestingUrl }) =>
    callback(allowed(permission, requestingUrl)),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => allowed(permission, origin));
  session.setDevicePermissionHandler(() => false);
}

module.exports = { guardNavigation, judgeAddress, refusePermissions };
