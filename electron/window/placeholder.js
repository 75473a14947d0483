'use strict';

/* global document, window */

const show = (payload) => {
  document.getElementById('status').textContent = JSON.stringify(payload);
};
window.peftStudio.on('backend-status', show);
window.peftStudio.invoke('backend-status').then(show);
