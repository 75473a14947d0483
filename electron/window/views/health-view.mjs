/** The last health checks: the newest as a number, all as bars, and in a sentence. */

import { JOINT, duration } from '../logic/format.mjs';
import { KEPT, bars, figures, sentence } from '../logic/history.mjs';
import { byId, drawn, say, whenChanged } from './dom.mjs';

const awaited = ['unknown', 'starting', 'restarting'];
const [HEIGHT, STEP, WIDTH] = [48, 4, 3];

/** @returns {(state: import('../logic/state.mjs').State) => void} */
export function healthView() {
  const spark = byId('spark');
  spark.setAttribute('viewBox', `0 0 ${KEPT * STEP} ${HEIGHT}`);
  const draw = whenChanged((checks) => {
    spark.replaceChildren(...blanks(KEPT - checks.length), ...bars(checks, HEIGHT - 1).map(bar));
    spark.setAttribute('aria-label', sentence(checks));
  });
  const drawReading = whenChanged(drawLatest);
  return ({ checks, run, backend }) => {
    draw(checks);
    const { latest } = figures(checks);
    drawReading(run || latest?.healthy === false ? latest : undefined);
    say(byId('health-note'), sentence(checks));
    byId('health').hidden = checks.length === 0 && !run && !awaited.includes(backend.status);
    byId('check-now').disabled = !run;
  };
}

function drawLatest(latest) {
  const [number = '–', unit = ''] = latest?.healthy
    ? duration(latest.responseTime).split(JOINT)
    : [];
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
  const x = index * STEP + (STEP - WIDTH) / 2;
  return drawn('rect', { class: name, x, y: HEIGHT - height, width: WIDTH, height });
}
