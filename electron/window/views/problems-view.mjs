/** Cards of what went wrong: the cause, what to do, the details, and the buttons that help. */

import { plural } from '../logic/format.mjs';
import { ACTIONS, problems } from '../logic/problems.mjs';
import { button, byId, element, icon, whenChanged } from './dom.mjs';

/**
 * @param {{act: (action: string) => void, copyDiagnostics: () => void,
 *   checkPort: (port: number, place: HTMLElement) => void}} tools
 * @returns {(state: import('../logic/state.mjs').State) => void}
 */
export function problemsView(tools) {
  const draw = whenChanged((cards) => {
    const kept = new Map([...byId('problems').children].map((card) => [card.dataset.key, card]));
    const made = cards.map((card) => kept.get(card.key) ?? makeCard(card, tools));
    byId('problems').replaceChildren(...made);
  });
  return (state) => draw(problems(state));
}

function makeCard(problem, tools) {
  const { key, code, title, cause, advice } = problem;
  const says = element(
    'div',
    { class: 'says' },
    element(
      'div',
      { class: 'problem-head' },
      element('h2', {}, title),
      element('span', { class: 'code' }, code),
    ),
    cause && element('p', { class: 'cause' }, cause),
    advice && element('p', { class: 'advice' }, advice),
    makeButtons(problem, tools),
    makeFiles(problem),
    makeDetails(problem),
  );
  const attributes = { class: 'problem', role: 'alert', 'data-tone': 'bad', 'data-key': key };
  return element('section', attributes, icon('bad'), says);
}

function makeButtons({ actions, port }, { act, copyDiagnostics, checkPort }) {
  const buttons = actions.map((action, place) =>
    button(ACTIONS[action].label, () => act(action), place === 0 ? 'primary' : ''),
  );
  const answer = element('span', { class: 'note', role: 'status' });
  if (port) buttons.push(button(`Check port ${port}`, () => checkPort(port, answer)));
  buttons.push(button('Copy diagnostics', copyDiagnostics), answer);
  return element('div', { class: 'buttons' }, ...buttons);
}

function makeFiles({ files, more }) {
  if (files.length === 0) return null;
  const rows = files.map(({ path, reason }) =>
    element(
      'li',
      {},
      path,
      reason && element('span', { class: 'reason' }, path ? ` – ${reason}` : reason),
    ),
  );
  if (more > 0) rows.push(element('li', { class: 'reason' }, `and ${plural(more, 'more file')}`));
  const list = element('ol', { class: 'said', tabindex: '0', 'aria-label': 'Bad files' }, ...rows);
  const summary = element('summary', {}, plural(files.length + more, 'bad file'));
  return element('details', { open: '' }, summary, list);
}

function makeDetails({ facts, output }) {
  if (facts.length === 0 && output.length === 0) return null;
  const rows = facts.flatMap(({ label, value }) => [
    element('dt', {}, label),
    element('dd', {}, value),
  ]);
  const last = { class: 'said', tabindex: '0', 'aria-label': 'Last lines of the engine' };
  return element(
    'details',
    { open: output.length > 0 ? '' : false },
    element('summary', {}, output.length > 0 ? 'Its last lines' : 'Details'),
    rows.length > 0 && element('dl', { class: 'digests' }, ...rows),
    output.length > 0 && element('pre', last, output.join('\n')),
  );
}
