import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from './certificates.ts';
import { deliverByLmtp } from './lmtp.ts';
import { unpackPackage } from './packages.ts';
import { freePorts, untilListening } from './ports.ts';

const run = promisify(execFile);

export interface Cyrus {
  host: string;
  ports: { imap: number; imaps: number; lmtp: number };
  ca: string;
  caFile: string;
  /** By LMTP to the INBOX of the users, who exist from the start; the password is 'secret'. */
  deliver(message: string | Buffer, ...users: string[]): Promise<void>;
  /** Their index of the INBOX is lost and made anew, with another UIDVALIDITY. */
  renumberInbox(user: string): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts Debian's Cyrus privately. Unlike Dovecot, which delays IDLE's events by 500 ms, it announces mail at once. */
export async function startCyrus(users: string[]): Promise<Cyrus> {
  const unpacked = await unpackPackage('cyrus-imapd');
  const own = path.join(unpacked, 'usr/lib/cyrus/bin');
  const common = '/usr/lib/cyrus/bin';
  const root = await mkdtemp(path.join(os.tmpdir(), 'cyrus-'));
  await chmod(root, 0o755);
  const [imap, imaps, lmtp] = (await freePorts(3)) as [number, number, number];
  const certificate = await makeCertificate(path.join(root, 'tls'));
  for (const name of ['conf', 'spool', 'sieve', 'sock', 'run']) await mkdir(path.join(root, name));
  for (const name of ['proc', 'log', 'socket', 'db', 'msg', 'user', 'quota', 'sync', 'ptclient', 'lock']) {
    await mkdir(path.join(root, 'conf', name));
  }
  for (const user of ['admin', ...users]) {
    const made = run('saslpasswd2', ['-p', '-c', '-f', `${root}/conf/sasldb2`, '-u', 'cyrus.test', user]);
    made.child.stdin?.end('secret');
    await made;
  }
  await writeFile(
    path.join(root, 'imapd.conf'),
    `configdirectory: ${root}/conf
partition-default: ${root}/spool
defaultpartition: default
sievedir: ${root}/sieve
servername: cyrus.test
defaultdomain: cyrus.test
virtdomains: off
admins: admin
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${root}/conf/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
tls_server_cert: ${certificate.cert}
tls_server_key: ${certificate.key}
altnamespace: yes
unixhierarchysep: yes
idlesocket: ${root}/sock/idle
lmtpsocket: ${root}/sock/lmtp
notifysocket: ${root}/sock/notify
autocreate_post: yes
autocreate_quota: 0
autocreate_inbox_folders: Sent | Drafts | Trash | Junk | Archive
autocreate_subscribe_folders: Sent | Drafts | Trash | Junk | Archive
xlist-sent: Sent
xlist-drafts: Drafts
xlist-trash: Trash
xlist-junk: Junk
xlist-archive: Archive
duplicatesuppression: no
imapidlepoll: 60
idletimeout: 0
timeout: 1440
skiplist_unsafe: 1
syslog_prefix: ct${imap}
`,
  );
  await writeFile(
    path.join(root, 'cyrus.conf'),
    `START {
  recover cmd="${common}/ctl_cyrusdb -C ${root}/imapd.conf -r"
}
SERVICES {
  imap cmd="${own}/imapd -C ${root}/imapd.conf" listen="127.0.0.1:${imap}" prefork=1
  imaps cmd="${own}/imapd -C ${root}/imapd.conf -s" listen="127.0.0.1:${imaps}" prefork=0
  lmtp cmd="${common}/lmtpd -C ${root}/imapd.conf -a" listen="127.0.0.1:${lmtp}" prefork=1
}
DAEMON {
  idled cmd="${own}/idled -C ${root}/imapd.conf"
}
EVENTS {
  checkpoint cmd="${common}/ctl_cyrusdb -C ${root}/imapd.conf -c" period=60
}
`,
  );
  await run('chown', ['-R', 'cyrus:mail', root]);
  const server = spawn(
    `${common}/master`,
    [
      '-C',
      `${root}/imapd.conf`,
      '-M',
      `${root}/cyrus.conf`,
      '-p',
      `${root}/run/master.pid`,
      '-D',
      '-L',
      `${root}/master.log`,
    ],
    { stdio: 'ignore', detached: true },
  );
  await Promise.all([imap, lmtp].map((port) => untilListening(port)));

  const stop = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    const killer = setTimeout(() => process.kill(-(server.pid as number), 'SIGKILL'), 3000);
    await ended;
    clearTimeout(killer);
  };
  return {
    host: 'localhost',
    ports: { imap, imaps, lmtp },
    ca: certificate.ca,
    caFile: certificate.caFile,
    deliver: (message, ...to) => deliverByLmtp(lmtp, message, to),
    renumberInbox: async (user) => {
      const tool = async (name: string, ...words: string[]) =>
        (await run(`${common}/${name}`, ['-C', `${root}/imapd.conf`, ...words])).stdout.trim();
      // It is the time in seconds.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await rm(path.join(await tool('mbpath', `user/${user}`), 'cyrus.index'));
      await tool('reconstruct', `user/${user}`);
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
