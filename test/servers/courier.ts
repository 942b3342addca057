import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { makeCertificate } from './certificates.ts';
import { unpackPackage } from './packages.ts';

export interface Courier {
  host: string;
  ports: { imaps: number };
  ca: string;
  /** Creates the mailbox, with a folder INBOX.Sent; the password is 'secret'. */
  addUser(user: string): Promise<void>;
  /** The Maildir of a user: Maildir++ layout. */
  maildir(user: string): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What Debian's /etc/courier/imapd sets, but for IDLE, which tells of news at once (IMAP_ENHANCEDIDLE). */
const configuration = {
  IMAP_CAPABILITY: 'IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE',
  IMAP_KEYWORDS: '1',
  IMAP_ACL: '1',
  IMAP_IDLE_TIMEOUT: '60',
  IMAP_ENHANCEDIDLE: '1',
  IMAP_USELOCKS: '1',
  IMAP_MAILBOX_SANITY_CHECK: '1',
  IMAP_TRASHFOLDERNAME: 'Trash',
};

/**
 * Debian's Courier, privately. Its sign-in daemon would need the system's folders; a listener of the test takes its place, and gives each connection that has
 * signed in to an imapd of its own, as the daemon does.
 */
export async function startCourier(): Promise<Courier> {
  const unpacked = await unpackPackage('courier-imap', { with: /^(?:lib(?!c6)|courier-authlib$|gamin$)/ });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'courier-'));
  const certificate = await makeCertificate(path.join(folder, 'tls'));
  const home = (user: string) => path.join(folder, 'mail', user);
  const users = new Set<string>();
  const children = new Set<ChildProcess>();
  const environment = {
    ...configuration,
    PROTOCOL: 'IMAP',
    TCPREMOTEIP: '127.0.0.1',
    TCPREMOTEPORT: '1',
    LD_LIBRARY_PATH: ['usr/lib', `usr/lib/${await libraries(unpacked)}`]
      .map((one) => path.join(unpacked, one))
      .join(':'),
    // It watches files for Courier, and ends by itself when nobody asks any more.
    GAMIN_DEBUG_SERVER: path.join(unpacked, 'usr/libexec/gam_server'),
    GAM_CLIENT_ID: randomUUID(),
  };

  const serve = (socket: net.Socket, user: string, tag: string, rest: Buffer) => {
    const imapd = spawn(path.join(unpacked, 'usr/bin/imapd'), ['Maildir'], {
      cwd: home(user),
      env: { ...environment, AUTHENTICATED: user, IMAPLOGINTAG: tag },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.add(imapd);
    imapd.once('exit', () => {
      children.delete(imapd);
      socket.end();
    });
    imapd.stdin.on('error', () => socket.destroy());
    socket.once('close', () => imapd.kill());
    imapd.stdin.write(rest);
    socket.pipe(imapd.stdin);
    imapd.stdout.pipe(socket);
  };

  const server = tls.createServer({ cert: await readFile(certificate.cert), key: await readFile(certificate.key) });
  const sockets = new Set<net.Socket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    signIn(socket, (user, password) => password === 'secret' && users.has(user), serve);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    host: 'localhost',
    ports: { imaps: (server.address() as net.AddressInfo).port },
    ca: certificate.ca,
    async addUser(user) {
      for (const name of ['Maildir', 'Maildir/.Sent'])
        for (const part of ['cur', 'new', 'tmp']) await mkdir(path.join(home(user), name, part), { recursive: true });
      await writeFile(path.join(home(user), 'Maildir/.Sent/maildirfolder'), '');
      users.add(user);
    },
    maildir: (user) => path.join(home(user), 'Maildir'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      for (const child of children) child.kill('SIGKILL');
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Courier's words until somebody has signed in by AUTHENTICATE PLAIN. */
function signIn(
  socket: net.Socket,
  knows: (user: string, password: string) => boolean,
  serve: (socket: net.Socket, user: string, tag: string, rest: Buffer) => void,
): void {
  const capabilities = `CAPABILITY ${configuration.IMAP_CAPABILITY} AUTH=PLAIN`;
  const say = (...lines: string[]) => socket.write(lines.map((line) => `${line}\r\n`).join(''));
  let rest = Buffer.alloc(0);
  let asking: string | null = null;
  const onData = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.subarray(0, end).toString();
      rest = rest.subarray(end + 2);
      const [tag = '', word = ''] = line.split(' ');
      const command = word.toUpperCase();
      if (asking !== null) {
        const [, user = '', password = ''] = Buffer.from(line, 'base64').toString().split('\0');
        const asked: string = asking;
        asking = null;
        if (knows(user, password)) {
          socket.off('data', onData);
          serve(socket, user, asked, rest);
          return;
        }
        say(`${asked} NO Login failed.`);
      } else if (command === 'AUTHENTICATE') {
        asking = tag;
        say('+ ');
      } else if (command === 'CAPABILITY') say(`* ${capabilities}`, `${tag} OK CAPABILITY completed`);
      else if (command === 'LOGOUT') socket.end(`* BYE Courier-IMAP server shutting down\r\n${tag} OK LOGOUT\r\n`);
      else say(`${tag} NO Error in IMAP command received by server.`);
    }
  };
  socket.on('data', onData);
  say(`* OK [${capabilities}] Courier-IMAP ready.`);
}

/** Debian's folder for this machine's libraries. */
async function libraries(unpacked: string): Promise<string> {
  const found = (await readdir(path.join(unpacked, 'usr/lib'))).find((name) => name.endsWith('-linux-gnu'));
  if (!found) throw new Error('the unpacked packages have no libraries');
  return found;
}
