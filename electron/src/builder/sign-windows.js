'use strict';

/**
 * Authenticode: electron-builder's sign hook for the app's own programs (`win.signtoolOptions.sign`),
 * and what the seal hook signs the runtime's programs with. signtool on Windows, osslsigncode anywhere
 * else. The certificate comes from the environment:
 *
 * | variable | |
 * |---|---|
 * | WINDOWS_SIGN_CERTIFICATE | a file: .pfx or .p12, else PEM, the chain included |
 * | WINDOWS_SIGN_KEY | the PEM certificate's key, a file |
 * | WINDOWS_SIGN_PASSWORD | of the .pfx or the key |
 * | WINDOWS_SIGN_THUMBPRINT | instead of a file: a certificate in Windows' own store, SHA-1 in hex |
 * | WINDOWS_SIGN_TIMESTAMP | an RFC 3161 server's address |
 *
 * Nothing set: the build is unsigned and says so. Anything set: a file that cannot be signed ends it.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { replace } = require('./replace.js');
const { ToolError, run } = require('./tools.js');

const PKCS12 = ['.pfx', '.p12'];
const HINT = 'install it (Debian: apt install osslsigncode; macOS: brew install osslsigncode)';
const SIGNTOOL_HINT = 'install the Windows SDK, or name it with SIGNTOOL_PATH';

/** Timestamp servers are others', and busy: how often one is asked. */
const ATTEMPTS = 3;

const UNSIGNED =
  'NOT SIGNED for Windows: WINDOWS_SIGN_CERTIFICATE is not set. SmartScreen will warn of this build, and ' +
  'it cannot update itself: for development only.';

/** What was said already; electron-builder calls the hook for every program. */
let warned = false;

/**
 * What signs a program, as the environment says.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [platform] as `process.platform`
 * @returns {((file: string, about: {name?: string}) => Promise<void>) | null} signs `file` where it
 *   lies; null when no certificate is named
 * @throws {ToolError} when what is named cannot work
 */
function windowsSigner(env = process.env, platform = process.platform) {
  const wanted = wantedFrom(env);
  if (!wanted) return null;
  const sign = platform === 'win32' ? signtool(wanted, env) : osslsigncode(wanted);
  return async (file, about = {}) => {
    try {
      await replace(file, (source, made) => sign(source, made, about));
    } catch (error) {
      throw new ToolError(`${file} was not signed: ${error.message}`, { cause: error });
    }
  };
}

function wantedFrom(env) {
  const wanted = {
    certificate: env.WINDOWS_SIGN_CERTIFICATE || '',
    key: env.WINDOWS_SIGN_KEY || '',
    password: env.WINDOWS_SIGN_PASSWORD || '',
    thumbprint: env.WINDOWS_SIGN_THUMBPRINT || '',
    timestamp: env.WINDOWS_SIGN_TIMESTAMP || '',
  };
  if (!Object.values(wanted).some(Boolean)) return null;
  if (!wanted.certificate && !wanted.thumbprint) {
    throw new ToolError('signing was asked for, but WINDOWS_SIGN_CERTIFICATE is not set');
  }
  for (const file of [wanted.certificate, wanted.key]) {
    if (file && !fs.existsSync(file)) throw new ToolError(`there is no ${file} to sign with`);
  }
  return { ...wanted, pkcs12: PKCS12.includes(path.extname(wanted.certificate).toLowerCase()) };
}

function osslsigncode({ certificate, key, password, thumbprint, timestamp, pkcs12 }) {
  if (thumbprint) throw new ToolError('WINDOWS_SIGN_THUMBPRINT needs Windows; name a certificate');
  if (!pkcs12 && !key) throw new ToolError('a PEM certificate needs WINDOWS_SIGN_KEY');
  const words = ['sign', '-h', 'sha256'];
  words.push(...(pkcs12 ? ['-pkcs12', certificate] : ['-certs', certificate, '-key', key]));
  if (timestamp) words.push('-ts', timestamp);
  return (source, made, { name }) =>
    withPasswordFile(password, async (file) => {
      const secret = file ? ['-readpass', file] : [];
      const about = name ? ['-n', name] : [];
      const all = [...words, ...secret, ...about, '-in', source, '-out', made];
      await repeated(timestamp ? ATTEMPTS : 1, made, () =>
        run('osslsigncode', all, { hint: HINT }),
      );
    });
}

function signtool({ certificate, password, thumbprint, timestamp }, env) {
  if (password) {
    throw new ToolError(
      'signtool takes a password on its command line alone, where every program can read it: import ' +
        'the certificate into your store, and name it with WINDOWS_SIGN_THUMBPRINT',
    );
  }
  const words = ['sign', '/fd', 'sha256'];
  words.push(...(thumbprint ? ['/sha1', thumbprint] : ['/f', certificate]));
  if (timestamp) words.push('/tr', timestamp, '/td', 'sha256');
  const program = env.SIGNTOOL_PATH || 'signtool';
  return (source, made, { name }) =>
    repeated(timestamp ? ATTEMPTS : 1, made, async () => {
      fs.copyFileSync(source, made);
      await run(program, [...words, ...(name ? ['/d', name] : []), made], { hint: SIGNTOOL_HINT });
    });
}

async function repeated(attempts, made, work) {
  for (let attempt = 1; ; attempt += 1) {
    fs.rmSync(made, { force: true }); // what a failed attempt may have left
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts) throw error;
    }
  }
}

/** A command line is no place for a secret: it goes through a file that nobody else can read. */
async function withPasswordFile(password, work) {
  if (!password) return work('');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sign-windows-'));
  try {
    const file = path.join(folder, 'password');
    fs.writeFileSync(file, password, { mode: 0o600 });
    return await work(file);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * electron-builder's hook; it is called for each program and for the installer.
 * @param {{path: string, name?: string}} configuration
 * @param {{forceCodeSigning?: boolean}} [packager]
 * @throws {ToolError} when signing was asked for and did not work
 */
async function sign(configuration, packager) {
  const signer = windowsSigner();
  if (signer) return signer(configuration.path, { name: configuration.name });
  if (packager?.forceCodeSigning) throw new ToolError(UNSIGNED);
  if (!warned) console.warn(`  • ${UNSIGNED}`);
  warned = true;
  return undefined;
}

module.exports = { UNSIGNED, default: sign, sign, windowsSigner };

// As a program: build/installer.nsi signs the uninstaller with it.
if (require.main === module) {
  sign({ path: process.argv[2] }).catch((error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}
