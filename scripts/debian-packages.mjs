// The programs that tests run for real. They come from the distribution; their services are not used (every test starts
// its own server in a folder of its own).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fail } from './runtime.mjs';

/** Package → a file that tells that it is there. */
const packages = {
  'dovecot-imapd': '/usr/lib/dovecot/imap',
  'dovecot-lmtpd': '/usr/lib/dovecot/lmtp',
  'dovecot-submissiond': '/usr/lib/dovecot/submission',
  'cyrus-common': '/usr/lib/cyrus/bin/master',
  'sasl2-bin': '/usr/sbin/saslpasswd2',
  chromium: '/usr/bin/chromium',
  openssl: '/usr/bin/openssl',
};

/** Can't be installed beside Dovecot; test/servers/packages.ts unpacks them, for which apt must know them. */
const unpacked = ['cyrus-imapd', 'courier-imap'];

/**
 * Installs what is missing of them and of `more` (package → a file of it); asks for nothing but root's rights, with sudo where needed.
 */
export function installPackages(more = {}) {
  const wanted = { ...packages, ...more };
  const missing = Object.keys(wanted).filter((name) => !existsSync(wanted[name]));
  const known = unpacked.every((name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0);
  if (missing.length === 0 && known) return;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  process.stderr.write(`Installing ${missing.join(', ') || 'package lists'} for the tests ...\n`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo'];
  const run = (...words) => {
    const [file, ...args] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', ...words];
    // Packages would start their services with the system's configuration, on the system's ports.
    return spawnSync(file, args, { stdio: ['ignore', 2, 2], env: { ...process.env, RUNLEVEL: '1' } }).status === 0;
  };
  const install = () => run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing);
  if (!(run('apt-get', 'update', '-qq') && install()))
    fail(`The tests need programs of Debian's that could not be installed. Run as root: ${command}`);
}
