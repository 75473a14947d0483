/** The log: its newest lines in the document, a filter over all that are kept, following. */

import { count, plural, stamp } from '../logic/format.mjs';
import { EVERYTHING, asText, cutAtMatches, matcher } from '../logic/log-buffer.mjs';
import { byId, element, say } from './dom.mjs';

/**
 * Lines in the document while it follows: each batch costs the layout of all of them. Whoever scrolls
 * up gets twice as many, as often as wanted.
 */
const SHOWN = 250;
const STREAMS = { stdout: 'out', stderr: 'err', app: 'app' };
/** Pixels from the end that still count as being at the end. */
const NEAR = 8;

/** The log's part of the window. */
export class LogView {
  #buffer;
  #filter = EVERYTHING;
  #matches = matcher(EVERYTHING);
  #limit = SHOWN;
  #last = -1;
  #found = 0;
  #following = true;
  #waiting = false;
  #top = 0;
  #list = byId('log-lines');
  #rows = byId('log-rows');

  /**
   * @param {import('../logic/log-buffer.mjs').LogBuffer} buffer
   * @param {{copy: (text: string, what: string) => void, openFile: () => void}} tools
   */
  constructor(buffer, { copy, openFile }) {
    this.#buffer = buffer;
    this.copyLines = () => this.#copy(copy);
    for (const id of ['log-search', 'log-stream', 'log-level']) {
      byId(id).addEventListener('input', () => this.#readFilter());
    }
    byId('log-follow').addEventListener('click', () => this.follow(!this.#following));
    byId('log-copy').addEventListener('click', this.copyLines);
    // A click would take the selection away before it could be copied.
    byId('log-copy').addEventListener('mousedown', (event) => event.preventDefault());
    byId('log-open').addEventListener('click', openFile);
    byId('log-clear').addEventListener('click', () => this.clearFilter());
    byId('log-earlier').addEventListener('click', () => this.#showEarlier());
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#list.addEventListener('keydown', (event) => this.#pressed(event));
    this.#list.addEventListener('copy', (event) => this.#copied(event));
    document.addEventListener('selectionchange', () => this.#nameCopy());
    // Lines get their true heights, and the window its size, after they were added.
    const resized = new ResizeObserver(() => this.#following && this.#toEnd());
    resized.observe(this.#list);
    resized.observe(this.#rows);
    this.#redraw();
  }

  /** Shows what was added to the buffer, with the next frame. */
  update() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#append();
    });
  }

  /** @param {boolean} on whether the newest line stays in sight */
  follow(on) {
    this.#following = on;
    byId('log-follow').setAttribute('aria-pressed', String(on));
    if (!on) return;
    this.#limit = SHOWN;
    this.#toEnd();
  }

  /** Puts the cursor into the search. */
  search() {
    byId('log-search').focus();
    byId('log-search').select();
  }

  /** Shows all lines again. */
  clearFilter() {
    [byId('log-search').value, byId('log-stream').value, byId('log-level').value] = [
      '',
      'all',
      'all',
    ];
    this.#readFilter();
    byId('log-search').focus();
  }

  #readFilter() {
    const [search, stream, level] = ['log-search', 'log-stream', 'log-level'].map(
      (id) => byId(id).value,
    );
    this.#filter = { search, stream, level };
    this.#matches = matcher(this.#filter);
    this.#limit = SHOWN;
    this.#redraw();
  }

  #redraw() {
    this.#rows.replaceChildren();
    this.#last = -1;
    this.#append();
  }

  #append() {
    const lines = this.#buffer.lines();
    const found = lines.filter(this.#matches);
    const fresh = found.filter((line) => line.id > this.#last).slice(-this.#limit);
    this.#last = lines.at(-1)?.id ?? -1;
    this.#found = found.length;
    const extra = this.#rows.childElementCount + fresh.length - this.#limit;
    if (extra > 0) this.#removeOldest(extra);
    this.#rows.append(...fresh.map((line) => makeRow(line, this.#filter.search)));
    this.#describe(lines.length);
    if (this.#following) this.#toEnd();
  }

  #removeOldest(number) {
    const range = document.createRange();
    range.setStart(this.#rows, 0);
    range.setEnd(this.#rows, Math.min(number, this.#rows.childElementCount));
    range.deleteContents();
  }

  #showEarlier() {
    this.#show(2 * this.#limit);
    this.#list.focus();
  }

  /** Shows more lines and leaves those in sight where they are. */
  #show(limit) {
    const fromEnd = this.#list.scrollHeight - this.#list.scrollTop;
    this.follow(false);
    this.#limit = limit;
    this.#redraw();
    this.#list.scrollTop = this.#list.scrollHeight - fromEnd;
    this.#top = this.#list.scrollTop;
  }

  #describe(total) {
    const all = this.#found === total;
    const filtered = `${count(this.#found)} of ${plural(total, 'line')}`;
    say(byId('log-count'), total === 0 ? '' : all ? plural(total, 'line') : filtered);
    const hidden = this.#found - this.#rows.childElementCount;
    byId('log-earlier').hidden = hidden <= 0;
    say(byId('log-earlier'), `Show ${count(Math.min(hidden, this.#limit))} earlier`);
    byId('log-empty').hidden = this.#found > 0;
    byId('log-clear').hidden = total === 0;
    say(byId('log-empty-text'), total === 0 ? 'Nothing was written yet.' : 'No line matches.');
    this.#nameCopy();
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#top = this.#list.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    // Upwards only a person scrolls; lines that come and go move the end, not the place.
    if (this.#following && !atEnd && scrollTop < this.#top) this.follow(false);
    else if (!this.#following && atEnd && scrollTop > this.#top) this.follow(true);
    this.#top = scrollTop;
    if (scrollTop === 0 && !this.#following && !byId('log-earlier').hidden) this.#showEarlier();
  }

  #selected() {
    const selection = document.getSelection();
    if (selection.isCollapsed || !this.#rows.contains(selection.anchorNode)) return '';
    // Its own text leaves out lines that were never in sight.
    const chosen = selection.getRangeAt(0).cloneContents();
    const rows = [...chosen.querySelectorAll('.log-line')];
    if (rows.length === 0) return chosen.textContent;
    return rows.map((row) => Array.from(row.children, textOf).join(' ')).join('\n');
  }

  #pressed(event) {
    if (event.key === 'End') this.follow(true);
    if (event.key !== 'a' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault(); // else everything in the window would be chosen
    this.#show(this.#buffer.capacity);
    document.getSelection().selectAllChildren(this.#rows);
  }

  #copied(event) {
    const selected = this.#selected();
    if (!selected) return;
    event.clipboardData.setData('text/plain', selected);
    event.preventDefault();
  }

  #nameCopy() {
    const shown = this.#selected() !== '' ? 'selection' : this.#isFiltered() ? 'matches' : 'all';
    say(byId('log-copy'), `Copy ${shown}`);
    byId('log-copy').disabled = this.#found === 0;
  }

  #isFiltered() {
    return Object.keys(EVERYTHING).some((name) => this.#filter[name] !== EVERYTHING[name]);
  }

  #copy(copy) {
    const selected = this.#selected();
    if (selected) return copy(selected, 'Selection');
    const lines = this.#buffer.lines().filter(this.#matches);
    return copy(asText(lines, stamp), plural(lines.length, 'line'));
  }
}

function textOf(node) {
  return node.textContent;
}

function makeRow({ at, stream, level, text }, search) {
  const parts = cutAtMatches(text, search).map((part, place) =>
    place % 2 === 1 ? element('mark', {}, part) : part,
  );
  return element(
    'div',
    { class: 'log-line', 'data-level': level, 'data-stream': stream },
    element('span', { class: 'at' }, stamp(at)),
    element('span', { class: 'stream' }, STREAMS[stream]),
    element('span', { class: 'text' }, ...parts),
  );
}
