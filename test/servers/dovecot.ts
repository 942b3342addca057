import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from './certificates.ts';
import { dovecotConfiguration } from './dovecot-configuration.ts';
import { deliverByLmtp } from './lmtp.ts';
import { freePorts, untilListening } from './ports.ts';

const run = promisify(execFile);

export interface Dovecot {
  host: string;
  ports: { imap: number; imaps: number; lmtp: number; submission: number };
  /** PEM and file of the CA that signed the server's certificate. */
  ca: string;
  caFile: string;
  folder: string;
  /** Creates the mailbox; the password is 'secret'. Each user has a uid of its own, else Dovecot runs out of inotify instances. */
  addUser(user: string, password?: string): Promise<void>;
  setPassword(user: string, password: string): Promise<void>;
  /** By LMTP; `user+Folder@domain` delivers into Folder. Resolves when it is delivered. */
  deliver(message: string | Buffer, ...users: string[]): Promise<void>;
  /** `doveadm ...`; resolves with what it printed. */
  doveadm(...words: string[]): Promise<string>;
  /** The Maildir of a user: Maildir++ layout. */
  maildir(user: string): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts Debian's Dovecot privately: a temporary folder, free loopback ports, ended by its own process group. */
export async function startDovecot(options: { certificateFor?: string[]; extra?: string } = {}): Promise<Dovecot> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'dovecot-'));
  await chmod(folder, 0o755);
  const [imap, imaps, lmtp, submission] = (await freePorts(4)) as [number, number, number, number];
  const certificate = await makeCertificate(path.join(folder, 'tls'), options.certificateFor);
  const configuration = path.join(folder, 'dovecot.conf');
  const users = path.join(folder, 'users');
  await mkdir(path.join(folder, 'mail'));
  await writeFile(users, '');
  await writeFile(
    configuration,
    dovecotConfiguration({
      folder,
      certificate,
      users,
      ports: { imap, imaps, lmtp, submission },
      extra: options.extra,
    }),
  );

  const known = new Map<string, { uid: number; password: string }>();
  const home = (user: string) => path.join(folder, 'mail', user);
  const writeUsers = () =>
    writeFile(
      users,
      [...known]
        .map(([user, { uid, password }]) => `${user}:{PLAIN}${password}:${uid}:${uid}::${home(user)}\n`)
        .join(''),
    );
  let server: ReturnType<typeof spawn> | null = null;

  const start = async () => {
    await rm(path.join(folder, 'run'), { recursive: true, force: true });
    server = spawn('dovecot', ['-F', '-c', configuration], { stdio: 'ignore', detached: true });
    await Promise.all([imap, imaps, lmtp].map((port) => untilListening(port)));
  };
  const stop = async () => {
    if (!server?.pid || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    process.kill(-server.pid, 'SIGTERM');
    const killer = setTimeout(() => server?.pid && process.kill(-server.pid, 'SIGKILL'), 3000);
    await ended;
    clearTimeout(killer);
    server = null;
  };
  const remove = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };

  await start();
  return {
    host: 'localhost',
    ports: { imap, imaps, lmtp, submission },
    ca: certificate.ca,
    caFile: certificate.caFile,
    folder,
    addUser: async (user, password = 'secret') => {
      const uid = 20_000 + known.size;
      known.set(user, { uid, password });
      await mkdir(home(user), { recursive: true });
      await chown(home(user), uid, uid);
      await appendFile(users, `${user}:{PLAIN}${password}:${uid}:${uid}::${home(user)}\n`);
    },
    setPassword: async (user, password) => {
      const entry = known.get(user);
      if (!entry) throw new Error(`no user ${user}`);
      entry.password = password;
      await writeUsers();
      await run('doveadm', ['-c', configuration, 'auth', 'cache', 'flush']).catch(() => undefined);
    },
    deliver: (message, ...to) => deliverByLmtp(lmtp, message, to),
    doveadm: async (...words) => (await run('doveadm', ['-c', configuration, ...words], { maxBuffer: 2 ** 28 })).stdout,
    maildir: (user) => path.join(home(user), 'Maildir'),
    start,
    stop,
    [Symbol.asyncDispose]: remove,
  };
}

/** What Dovecot logged, for a test that must explain itself. */
export function dovecotLog(dovecot: Dovecot): Promise<string> {
  return readFile(path.join(dovecot.folder, 'dovecot.log'), 'utf8');
}
