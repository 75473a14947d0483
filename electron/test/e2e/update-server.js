'use strict';

/** The update server of the tests: files of one directory on 127.0.0.1, and what can go wrong. */

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const CHUNK = 1 << 20;

/** Serves `directory`; both it and `trouble` can be changed at any time. */
class UpdateServer {
  /** The directory that is served. */
  directory;
  /**
   * What goes wrong with an image: `cut` ends the connection in the middle, `hold` sends half and
   * then nothing, `flip` changes one byte.
   * @type {'cut' | 'hold' | 'flip' | undefined}
   */
  trouble;
  /** The paths that were asked for. */
  asked = [];

  async listen() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  #answer(request, response) {
    const name = path.posix.basename(new URL(request.url, this.url).pathname);
    this.asked.push(name);
    const file = path.join(this.directory, name);
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    const size = fs.statSync(file).size;
    response.writeHead(200, { 'Content-Length': size });
    if (!name.endsWith('.AppImage') || !this.trouble) {
      return fs.createReadStream(file).pipe(response);
    }
    return this.#spoil(fs.createReadStream(file, { highWaterMark: CHUNK }), size, response);
  }

  #spoil(stream, size, response) {
    const { trouble } = this;
    let sent = 0;
    stream.on('data', (chunk) => {
      const middle = sent < size / 2 && sent + chunk.length >= size / 2;
      sent += chunk.length;
      if (middle && trouble === 'flip') chunk[0] ^= 1;
      if (!response.write(chunk)) {
        stream.pause();
        response.once('drain', () => stream.resume());
      }
      if (!middle || trouble === 'flip') return;
      stream.destroy();
      if (trouble === 'cut') response.destroy();
    });
    stream.on('end', () => response.end());
    response.on('close', () => stream.destroy());
  }
}

module.exports = { UpdateServer };
