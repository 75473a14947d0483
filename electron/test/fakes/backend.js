'use strict';

/**
 * A backend for the tests, as small as one can be: what it does wrong is said in BEHAVIOUR, a JSON
 * object. It speaks as backend/main.py does: a port, a line when ready, health with a proof.
 */

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');

const behaviour = JSON.parse(process.env.BEHAVIOUR ?? '{}');
const token = process.env.PEFT_STUDIO_TOKEN;
const valueOf = (name) => process.argv[process.argv.indexOf(name) + 1];
const port = Number(valueOf('--port'));

if (behaviour.argvFile) {
  fs.writeFileSync(behaviour.argvFile, JSON.stringify({ argv: process.argv, token }));
}
if (behaviour.stderr) process.stderr.write(behaviour.stderr);
if (process.argv.includes('--exit-on-stdin-eof')) {
  process.stdin.on('end', () => process.exit(0)).resume();
}
if (behaviour.ignoreTerm) process.on('SIGTERM', () => {});
if (behaviour.child) {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  fs.writeFileSync(behaviour.child, String(child.pid));
}
if (behaviour.printToken) console.log(`the token is ${token}`);

if (behaviour.exit !== undefined) {
  process.exitCode = behaviour.exit;
  process.stdin.destroy();
} else if (behaviour.lostPorts?.includes(port)) {
  process.exit(98);
} else if (behaviour.silent) {
  setInterval(() => {}, 1000);
} else {
  serve();
}

function serve() {
  let asked = 0;
  const server = http.createServer((request, response) => {
    asked += 1;
    const { status = 'healthy', code = 200, sickAfter, hangAfter } = behaviour;
    if (asked > hangAfter) return;
    const sick = asked > sickAfter;
    const challenge = `peft-studio/health/v1\n${request.headers['x-peft-challenge']}`;
    const secret = behaviour.impostor ? 'another' : token;
    const proof = crypto.createHmac('sha256', secret).update(challenge).digest('hex');
    response.writeHead(sick ? 500 : code, { 'x-peft-proof': proof });
    response.end(JSON.stringify({ status, given: request.headers }));
  });
  server.listen(port, '127.0.0.1', () => {
    if (behaviour.flood) flood();
    const { pid = process.pid } = behaviour;
    console.log(`{"event": "ready", "port": ${behaviour.port ?? port}, "pid": ${pid}}`);
    if (behaviour.exitAfter) setTimeout(() => process.exit(3), behaviour.exitAfter);
  });
}

/** As fast as the pipe takes it. */
function flood() {
  const chunk = Buffer.from('all work and no play makes a dull backend\n'.repeat(1500));
  const write = () => {
    while (process.stdout.write(chunk));
    process.stdout.once('drain', write);
  };
  write();
}
