import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMailbox } from '../test/servers/api-client.ts';
import { type Dovecot, startDovecot } from '../test/servers/dovecot.ts';
import { type Product, startProduct } from './product.ts';

const collecting = { NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'collect.ts')}` };

/** A Dovecot that takes thousands of connections at a time, with so many users. */
export async function startLargeDovecot(users: number): Promise<Dovecot> {
  const dovecot = await startDovecot({ extra: 'default_vsz_limit = 4G' });
  for (let index = 0; index < users; index += 1) await dovecot.addUser(userOf(index));
  return dovecot;
}

export function startLargeProduct(dovecot: Dovecot): Promise<Product> {
  const env = { LETTERLOG_TLS_CA: dovecot.caFile, LETTERLOG_CONNECTIONS_PER_SERVER: '10000', ...collecting };
  return startProduct(env);
}

export const userOf = (index: number) => `idle${index}@letterlog.test`;

/** Connects the users from `from` to below `to`, Inbox and Sent chosen. */
export async function connectUsers(product: Product, dovecot: Dovecot, from: number, to: number): Promise<void> {
  let next = from;
  const connectSome = async () => {
    while (next < to) {
      const mailbox = { address: userOf(next++), password: 'secret', host: 'localhost', port: dovecot.ports.imaps };
      await connectMailbox(product.api, mailbox, ['INBOX', 'Sent']);
    }
  };
  await Promise.all(Array.from({ length: 6 }, connectSome));
}

/** After so much quiet V8 has given back what signing in and the first reading took. */
const quietMs = 60_000;

/** Waits until each of so many mailboxes is at rest, and has been for a while: in step, and on one connection. */
export async function untilAtRest(product: Product, dovecot: Dovecot, mailboxes: number): Promise<void> {
  const inStep = `select count(*)::int as count from connection where state = 'active' and last_synced_at is not null`;
  const deadline = Date.now() + 600_000;
  for (;;) {
    const { rows } = await product.sql.query(inStep);
    const open = connectionsOf(product.app.pid, dovecot.ports.imaps);
    if (rows[0].count === mailboxes && open === mailboxes) return sleep(quietMs);
    if (Date.now() > deadline)
      throw new Error(`${rows[0].count} of ${mailboxes} mailboxes are in step, on ${open} connections`);
    await sleep(500);
  }
}

/** Established TCP connections of a process to a loopback port (proc(5)). */
function connectionsOf(pid: number, port: number): number {
  const own = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`, { withFileTypes: true })) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(path.join(fd.parentPath, fd.name)))?.[1];
    if (inode !== undefined) own.add(inode);
  }
  const remote = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  // Field 3 is the state (01: established), field 9 the inode.
  return fields.filter((field) => field[2]!.endsWith(`:${remote}`) && field[3] === '01' && own.has(field[9]!)).length;
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

/** Bytes of memory that the product and its database use, what they share counted once (PSS), after a collection of garbage. */
export async function memoryOfBoth(product: Product): Promise<number> {
  process.kill(product.app.pid, 'SIGUSR2');
  await sleep(3000);
  return [product.app.pid, ...product.databasePids()].reduce((sum, pid) => sum + pssOf(pid), 0);
}

function pssOf(pid: number): number {
  const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(ofProcess(pid, 'smaps_rollup')) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}

/** A file of proc(5); empty where the process has ended: the database's come and go. */
function ofProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Seconds of processor time that the product and its database have used, the database's processes that have ended included. */
export function processorTimeOf(product: Product): { product: number; database: number } {
  const seconds = (pid: number) => {
    const fields = ofProcess(pid, 'stat')
      .replace(/^.*\) /, '')
      .split(' ');
    // utime and stime, of itself and of children that have ended.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  };
  return {
    product: seconds(product.app.pid),
    database: product.databasePids().reduce((sum, pid) => sum + seconds(pid), 0),
  };
}
