/** The window: listens to main, keeps the state, draws it; asks main for what a person wants. */

import { headline, tick } from './logic/describe.mjs';
import { diagnostics } from './logic/diagnostics.mjs';
import { cleanText } from './logic/clean-text.mjs';
import { CAPACITY, LogBuffer, withoutOverlap } from './logic/log-buffer.mjs';
import { ACTIONS, problems } from './logic/problems.mjs';
import { INITIAL, reduce } from './logic/state.mjs';
import { copy as putOnClipboard } from './views/copying.mjs';
import { listenToKeys, openDialog, prepareDialogs, toast } from './views/dialogs.mjs';
import { byId, say, whenChanged } from './views/dom.mjs';
import { factsView } from './views/facts-view.mjs';
import { headerView } from './views/header-view.mjs';
import { healthView } from './views/health-view.mjs';
import { LogView } from './views/log-view.mjs';
import { problemsView } from './views/problems-view.mjs';
import { startupView } from './views/startup-view.mjs';
import { updateView } from './views/update-view.mjs';

const STATES = [
  'backend-status',
  'backend-verify-progress',
  'update-status',
  'update-available',
  'update-download-progress',
  'update-downloaded',
  'update-checksum-failed',
];

const bridge = window.peftStudio;
const buffer = new LogBuffer();
const announce = whenChanged((text) => text && say(byId('announcer'), text));

let state = INITIAL;
let frame = 0;
let timer;

const tools = { copy, announce, verify, copyDiagnostics, checkPort };
const log = new LogView(buffer, { copy, openFile: openLog });
const views = [
  headerView({ act: press, announce }),
  problemsView({ ...tools, act: (action) => perform(action) }),
  updateView({
    ...tools,
    check: () => ask('check-for-updates'),
    download: () => ask('download-update'),
    install: () => ask('install-update'),
  }),
  startupView(),
  healthView(),
  factsView({ ...tools, checkForUpdates: () => ask('check-for-updates') }),
];

function happened(event, payload) {
  state = reduce(state, event, payload, Date.now());
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  frame = 0;
  for (const view of views) view(state, Date.now());
  const pause = tick(state);
  if (pause) timer = setTimeout(() => (frame ||= requestAnimationFrame(draw)), pause);
}

/** Asks main; what fails is said to the person, and nothing is answered. */
async function ask(channel, argument) {
  try {
    return await bridge.invoke(channel, argument);
  } catch (error) {
    // Electron puts words of its own before main's.
    const words = error.message.replace(/^Error invoking remote method '[^']*': (\w*Error: )?/, '');
    toast(`That did not work: ${cleanText(words, 300)}`);
    return undefined;
  }
}

function press(button) {
  if (button.confirm) openDialog('confirm');
  else restart(button.channel);
}

async function restart(channel) {
  happened('backend-answered', await ask(channel));
}

function perform(action) {
  if (action === 'verify') return verify();
  if (action === 'open-log') return openLog();
  if (action === 'reinstall') return openDialog('reinstall');
  return restart(ACTIONS[action].channel);
}

async function verify() {
  if (state.verification.status === 'running') return;
  happened('verify-started', {});
  announce('Verifying all files.');
  const answer = await ask('backend-verify');
  const said = answer?.verified || answer?.code;
  happened(said ? 'verify-answered' : 'verify-broken', answer ?? {});
  if (answer && !said) toast(`Not verified: ${cleanText(answer.error, 300)}`);
  if (answer?.verified) announce(`All ${answer.files} files are as they were signed.`);
}

async function openLog() {
  const answer = await ask('open-log-file');
  if (answer && !answer.opened) toast(`The log file could not be opened: ${answer.file}`);
}

async function checkPort(port, place) {
  const answer = await ask('backend-check-port', port);
  if (answer) place.textContent = `Port ${port} is ${answer.free ? 'free now' : 'still taken'}.`;
}

function copy(text, what) {
  toast(putOnClipboard(text) ? `${what} copied.` : 'The clipboard cannot be written to.');
}

function copyDiagnostics() {
  copy(diagnostics(state, problems(state), buffer.lines(), new Date()), 'Diagnostics');
}

/** The past and what is written meanwhile, in order and each line once. */
async function listenToLog() {
  let early = [];
  bridge.on('backend-log', (batch) => {
    if (early) early.push(batch);
    else buffer.add(batch.lines, batch.dropped);
    log.update();
  });
  const past = (await ask('backend-get-logs', { lines: CAPACITY })) ?? { lines: [], dropped: 0 };
  buffer.add(past.lines, past.dropped);
  const pushed = early.flatMap((batch) => batch.lines);
  const dropped = early.reduce((sum, batch) => sum + (batch.dropped ?? 0), 0);
  buffer.add(withoutOverlap(past.lines, pushed), dropped);
  early = null;
  byId('log-open').title = past.file ?? '';
  log.update();
}

async function listen() {
  for (const channel of STATES) bridge.on(channel, (payload) => happened(channel, payload));
  await Promise.all([
    listenToLog(),
    ask('backend-status').then((payload) => happened('backend-answered', payload)),
    ask('get-app-version').then((payload) => happened('app-answered', payload)),
  ]);
}

function setUpButtons() {
  prepareDialogs();
  byId('help-button').addEventListener('click', () => openDialog('help'));
  byId('copy-diagnostics').addEventListener('click', copyDiagnostics);
  byId('reinstall-copy').addEventListener('click', copyDiagnostics);
  byId('confirm-restart').addEventListener('click', () => {
    byId('confirm').close();
    restart('backend-restart');
  });
  byId('check-now').addEventListener('click', async () => {
    happened('health-answered', await ask('backend-health-check'));
  });
  listenToKeys({
    search: () => log.search(),
    copy: log.copyLines,
    escape: () => log.clearFilter(),
    help: () => openDialog('help'),
    restart: () => {
      const { button } = headline(state, Date.now());
      if (button) press(button);
    },
  });
}

setUpButtons();
draw();
if (bridge) listen();
else toast('This page belongs to PEFT Studio and does nothing elsewhere.');
