/** The header: how the engine is, in a sign, words and the one button that fits. */

import { headline } from '../logic/describe.mjs';
import { byId, icon, say, whenChanged } from './dom.mjs';

/**
 * @param {{act: (button: object) => void, announce: (text: string) => void}} tools
 * @returns {(state: import('../logic/state.mjs').State, now: number) => void}
 */
export function headerView({ act, announce }) {
  let current = null;
  const place = byId('main-button');
  place.addEventListener('click', () => current && act(current));
  const drawTone = whenChanged((tone) => {
    byId('top').dataset.tone = tone;
    byId('badge').replaceChildren(icon(tone, tone === 'busy' ? 'spins' : ''));
  });
  const drawTitle = whenChanged((title) => {
    document.title = `${title} – PEFT Studio`;
  });
  return (state, now) => {
    const { tone, title, line, said, button } = headline(state, now);
    drawTone(tone);
    drawTitle(title);
    say(byId('title'), title);
    say(byId('line'), line);
    announce(said);
    current = button;
    place.hidden = button === null;
    say(place, button?.label ?? '');
    place.classList.toggle('primary', button !== null && tone === 'idle');
  };
}
