/** The start's phases: which is done, which goes on, how long each took and when. */

import { duration } from '../logic/format.mjs';
import { startUp } from '../logic/phases.mjs';
import { byId, element, icon, say, whenChanged } from './dom.mjs';

const SIGNS = {
  done: 'good',
  active: 'busy',
  failed: 'bad',
  waiting: 'waiting',
  skipped: 'skipped',
};
const SAID = {
  failed: 'failed',
  done: 'done',
  active: 'in progress',
  waiting: 'not yet',
  skipped: 'not needed',
};

/** @returns {(state: import('../logic/state.mjs').State, now: number) => void} */
export function startupView() {
  const places = new Map();
  return (state, now) => {
    const { rows, total } = startUp(state, now);
    for (const row of rows) drawRow(placeOf(places, row), row, total);
    for (const [name, place] of places) {
      if (!rows.some((row) => row.name === name)) places.delete(name) && place.row.remove();
    }
    const quiet = ['error', 'failed', 'stopped'].includes(state.backend.status);
    byId('startup').hidden = quiet && total === null;
    say(byId('startup-total'), total === null ? '' : duration(total));
    byId('phases').hidden = Boolean(state.run) && total === null;
    say(byId('startup-note'), note(state));
  };
}

function placeOf(places, { name, label }) {
  if (!places.has(name)) {
    const sign = element('span', { class: 'sign' });
    const bar = element('span');
    const time = element('span', { class: 'time' });
    const track = element('span', { class: 'track', 'aria-hidden': 'true' }, bar);
    const text = element('span', { class: 'label', title: label }, label);
    const row = element('li', {}, sign, text, track, time);
    const drawSign = whenChanged((state) => {
      row.dataset.state = state;
      const said = element('span', { class: 'unseen' }, SAID[state]);
      sign.replaceChildren(icon(SIGNS[state], state === 'active' ? 'spins' : ''), said);
    });
    byId('phases').append(row);
    places.set(name, { row, bar, time, drawSign });
  }
  return places.get(name);
}

function drawRow({ bar, time, drawSign }, { state, offset, milliseconds }, total) {
  const ran = ['done', 'active', 'failed'].includes(state);
  drawSign(state);
  say(time, ran ? duration(milliseconds) : '');
  bar.hidden = !ran;
  bar.style.left = `${percent(offset, total)}%`;
  bar.style.width = `${percent(milliseconds, total)}%`;
}

function percent(part, whole) {
  return whole > 0 ? Math.min(100, (100 * part) / whole).toFixed(2) : 0;
}

function note({ run }) {
  return run && !run.phases ? 'It was running when this window opened.' : '';
}
