'use strict';

/**
 * PEFT Studio's main process without its window, for systems on which a window cannot be opened: the
 * packed app's own modules, wired as src/runtime-packager.js wires them. Arguments: the packed app's resources, a
 * directory for data, and `quit` to quit when all is well or `stay`. What happens is written to
 * `events.jsonl` in that directory, one JSON object a line.
 */

const { app } = require('electron');
const fs = require('node:fs');
const path = require('node:path');

const [resources, data, then] = process.argv.slice(-3);
const inApp = (name) => path.join(resources, 'app.asar', name);
const ours = (name) => require(inApp(`src/${name}.js`));
const { Log } = ours('log');
const { originOf, readSettings } = ours('settings');
const { systemClock: clock } = ours('service/clock');
const { backendEnvironment, platformName } = ours('service/environment');
const { locate } = ours('service/locate');
const { ServiceManager } = ours('service/manager');
const { StateFile } = ours('service/state-file');
const { Verification } = ours('service/verification');
const { setupEndings } = ours('shell/endings');

const tell = (event) =>
  fs.appendFileSync(path.join(data, 'events.jsonl'), `${JSON.stringify(event)}\n`);

app.setPath('userData', path.join(data, 'user'));
run(readSettings(process.env));

function run(settings) {
  const file = path.join(data, 'app.log');
  const log = new Log({ file, every: settings.times.logBatch, clock, ...settings.log });
  const service = setupService(settings, log);
  setupEndings({ electron: { app }, process, service, log, title: settings.title });
  service.on('status', (payload) => {
    tell(payload);
    const well = payload.status === 'healthy' && payload.runtime.level === 'quick';
    if (well && then === 'quit') app.quit();
  });
  app.whenReady().then(() => service.start());
}

function setupService(settings, log) {
  const platform = platformName(process.platform, process.arch);
  const verification = new Verification({
    trustDirectory: inApp('trust'),
    record: path.join(data, 'verified.json'),
    state: new StateFile(path.join(data, 'state.json'), log),
    product: settings.product,
    platform,
    appVersion: require(inApp('package.json')).version,
    clock,
    log,
  });
  const place = {
    packaged: true,
    resources,
    launcher: settings.launcher,
    platform: process.platform,
  };
  const times = { ...settings.times, healthEvery: 250 }; // the test need not wait 5 s
  return new ServiceManager({
    locate: () => locate(place),
    verification,
    settings: { ...settings, times },
    origin: originOf(settings),
    environment: backendEnvironment(process.env, settings.withheld),
    log,
  });
}
