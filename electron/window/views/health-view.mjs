/** The last health checks: the newest as a number, all as bars, and in a sentence. */

import { duration } from '../logic/format.mjs';
import { KEPT, bars, figures, sentence } from '../logic/history.mjs';
import { byId, drawn, say, whenChanged } from './dom.mjs';

const [HEIGHT, STEP, WIDTH] = [48, 4, 3];

/** @returns {(state: import('../logic/state.mjs').State) => void} */
export function healthView() {
  const spark = byId('spark');
  spark.setAttribute('viewBox', `0 0 ${KEPT * STEP} ${HEIGHT}`);
  const draw = whenChanged((checks) => {
    spark.replaceChildren(...blanks(KEPT - checks.length), ...bars(checks, HEIGHT - 1).map(bar));
    spark.setAttribute('aria-label', sentence(checks));
    drawLatest(figures(checks).latest);
  });
  return ({ checks, run, backend }) => {
    draw(checks);
    const none = run || backend.status === 'starting' ? 'No check yet.' : 'Checked while it runs.';
    say(byId('health-note'), checks.length > 0 ? sentence(checks) : none);
    byId('check-now').disabled = !run;
  };
}

function drawLatest(latest) {
  const [number = '–', unit = ''] = latest?.healthy ? duration(latest.responseTime).split(' ') : [];
  const missed = latest && !latest.healthy;
  say(byId('latest'), missed ? 'No answer' : number);
  say(byId('latest-unit'), missed ? '' : latest ? `${unit} to answer` : '');
}

function blanks(number) {
  return Array.from({ length: number }, (_, index) =>
    rectangle({ index, height: 1, name: 'empty' }),
  );
}

function bar({ index, height, healthy }) {
  return rectangle({ index, height, name: healthy ? 'answered' : 'missed' });
}

function rectangle({ index, height, name }) {
  const [x, y] = [index * STEP, HEIGHT - height];
  return drawn('rect', { class: name, x, y, width: WIDTH, height });
}
