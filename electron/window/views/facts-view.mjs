/** The engine's card: its rows, what can be copied of them, verification and updates on request. */

import { NOTHING, facts, updateRow, verificationLine } from '../logic/facts.mjs';
import { byId, element, icon, say, whenChanged } from './dom.mjs';

const SIGNS = { good: 'good', warn: 'warn', bad: 'bad' };

/**
 * @param {{copy: (text: string, what: string) => void, verify: () => void,
 *   checkForUpdates: () => void}} tools
 * @returns {(state: import('../logic/state.mjs').State) => void}
 */
export function factsView({ copy, verify, checkForUpdates }) {
  const places = new Map();
  const links = {
    verified: link('Verify', verify),
    updates: link('Check', checkForUpdates),
  };
  links.verified.setAttribute('aria-label', 'Verify all files');
  links.updates.setAttribute('aria-label', 'Check for updates');
  return (state) => {
    for (const fact of [...facts(state), updateRow(state)]) {
      if (!places.has(fact.name)) places.set(fact.name, place(fact, copy, links[fact.name]));
      places.get(fact.name)({
        ...fact,
        hidden: !awaited(state) && fact.value === NOTHING && !fact.copy,
      });
    }
    links.verified.disabled = state.verification.status === 'running' || !canVerify(state);
    links.updates.disabled = ['checking', 'downloading'].includes(state.update.status);
    drawVerification(state.verification);
  };
}

/** In development mode there is no sealed runtime to verify. */
function canVerify({ app }) {
  return app?.packaged !== false;
}

/** Whether rows without a value will soon have one. */
function awaited({ backend }) {
  return !['error', 'failed', 'stopped'].includes(backend.status);
}

function link(label, onClick) {
  return element('button', { type: 'button', class: 'link', onClick }, label);
}

function place({ name, label }, copy, more) {
  const sign = element('span', { class: 'sign' });
  const value = element('span', { class: 'value' });
  const what = label.toLowerCase();
  let text;
  const copier = element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': `Copy the ${what}`, title: 'Copy' },
    icon('copy'),
  );
  copier.addEventListener('click', () => copy(text, label));
  const row = element('dd', {}, sign, value, copier, more);
  byId('facts').append(element('div', { id: `fact-${name}` }, element('dt', {}, label), row));
  return whenChanged((fact) => {
    text = fact.copy;
    byId(`fact-${name}`).hidden = fact.hidden && !more;
    say(value, fact.value);
    value.title = fact.value;
    copier.hidden = !fact.copy;
    sign.hidden = !fact.tone;
    if (fact.tone) {
      sign.dataset.tone = fact.tone;
      sign.replaceChildren(icon(SIGNS[fact.tone]));
    }
  });
}

function drawVerification(verification) {
  const bar = byId('verify-progress');
  const line = verificationLine(verification);
  byId('verifying').hidden = line === '';
  say(byId('verify-line'), line);
  bar.hidden = verification.status !== 'running';
  if (verification.total > 0) {
    bar.max = verification.total;
    bar.value = verification.done;
  } else bar.removeAttribute('value');
}
