/** The banner of an update: what there is, how far it came, what may be done. */

import { cleanText } from '../logic/clean-text.mjs';
import { day, size } from '../logic/format.mjs';
import { progressLine } from '../logic/updates.mjs';
import { button, byId, element, icon, say, whenChanged } from './dom.mjs';

const BANNERS = {
  available: ({ version, releaseDate, notes, size: bytes }, tools) => ({
    tone: 'busy',
    title: `Version ${version ?? ''} is available`.replace('  ', ' '),
    lines: [[day(releaseDate), bytes > 0 && size(bytes)].filter(Boolean).join(' · ')],
    more: notes && folded('What is new', element('div', { class: 'said notes' }, notes)),
    buttons: [button('Download', tools.download, 'primary')],
  }),
  downloading: ({ version }) => ({
    tone: 'busy',
    title: version ? `Downloading version ${version}` : 'Downloading the update',
    lines: [],
    more: downloadBar(),
    buttons: [],
  }),
  downloaded: ({ version }, tools) => ({
    tone: 'good',
    title: `Version ${version ?? ''} is ready to install`.replace('  ', ' '),
    lines: ['The engine is stopped, the update installed, and PEFT Studio starts again.'],
    buttons: [button('Install and restart', tools.install, 'primary')],
  }),
  'checksum-failed': ({ version, expected, actual, error }, tools) => ({
    tone: 'bad',
    alert: true,
    title: `The download of version ${version ?? ''} is damaged`.replace('  ', ' '),
    lines: [error, 'Nothing of it was installed; this version stays. Download it again.'],
    more: digests({ Expected: expected, Actual: actual }),
    buttons: [
      button('Download again', tools.download, 'primary'),
      button('Copy details', () => tools.copy(`${expected}\n${actual}`, 'Details')),
    ],
  }),
  error: ({ error }, tools) => ({
    tone: 'warn',
    title: 'The update did not work',
    lines: [cleanText(error, 500), 'This version goes on working.'],
    buttons: [button('Try again', tools.check)],
  }),
};

/**
 * @param {{download: () => void, install: () => void, check: () => void,
 *   copy: (text: string, what: string) => void, announce: (text: string) => void}} tools
 * @returns {(state: import('../logic/state.mjs').State) => void}
 */
export function updateView(tools) {
  const place = byId('update');
  const draw = whenChanged((update) => {
    place.hidden = !Object.hasOwn(BANNERS, update.status);
    if (place.hidden) return place.replaceChildren();
    const banner = BANNERS[update.status](update, tools);
    place.dataset.tone = banner.tone;
    place.replaceChildren(...parts(banner));
    if (!banner.alert) tools.announce(banner.title);
  });
  return ({ update: { progress, ...update } }) => {
    draw(update);
    if (update.status === 'downloading') drawProgress(progress);
  };
}

function parts({ tone, alert, title, lines, more, buttons }) {
  const says = element(
    'div',
    { class: 'says', role: alert ? 'alert' : false },
    element('h2', {}, title),
    ...lines.filter(Boolean).map((line) => element('p', { class: 'note' }, line)),
    more,
  );
  const sign = icon(tone === 'busy' ? 'update' : tone);
  return [sign, says, element('div', { class: 'buttons' }, ...buttons)];
}

function folded(summary, ...children) {
  return element('details', {}, element('summary', {}, summary), ...children);
}

function digests(values) {
  const given = Object.entries(values).filter(([, value]) => value);
  const rows = given.flatMap(([label, value]) => [
    element('dt', {}, label),
    element('dd', {}, value),
  ]);
  return element('dl', { class: 'digests' }, ...rows);
}

function downloadBar() {
  return element(
    'div',
    {},
    element('p', { class: 'line', id: 'download-line' }),
    element('progress', { id: 'download-bar', max: '100', 'aria-label': 'Download' }),
  );
}

function drawProgress(progress) {
  say(byId('download-line'), progress ? progressLine(progress) : 'Beginning…');
  if (progress) byId('download-bar').value = progress.percent;
}
