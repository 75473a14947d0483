'use strict';

/** A page that shows the backend's status and one answer. The token is added in main. */

const { invoke, on } = window.runtime;

function show(id, text) {
  document.getElementById(id).textContent = text;
}

async function onStatus({ status, port, title, advice }) {
  show('status', [status, title, advice].filter(Boolean).join(': '));
  if (status !== 'ready') return;
  const response = await fetch(`http://127.0.0.1:${port}/api/hello`);
  show('answer', response.ok ? (await response.json()).hello : `status ${response.status}`);
}

document.getElementById('restart').addEventListener('click', () => invoke('backend-restart'));
on('backend-status', onStatus);
invoke('backend-status').then(onStatus);
