import { ImapFlow } from 'imapflow';
import type { Dovecot } from '../test/servers/dovecot.ts';
import { collectGarbage } from './collect.ts';
import { type Figure, figure } from './figure.ts';
import {
  connectUsers,
  memoryOfBoth,
  startLargeDovecot,
  startLargeProduct,
  untilAtRest,
  userOf,
} from './idle-mailboxes.ts';

const few = 100;
const many = 1000;
const bare = 300;
const kilobyte = 1024;

/**
 * Memory that a mailbox at rest costs, Inbox and Sent chosen, over TLS: the slope between 100 and 1,000 of them, the database's memory included. The reference is a bare
 * imapflow client over TLS in IDLE.
 */
export async function* run(): AsyncIterable<Figure> {
  await using dovecot = await startLargeDovecot(many);
  await using small = await startLargeProduct(dovecot);
  await using large = await startLargeProduct(dovecot);
  await connectUsers(small, dovecot, 0, few);
  await connectUsers(large, dovecot, 0, many);
  await Promise.all([untilAtRest(small, dovecot, few), untilAtRest(large, dovecot, many)]);
  const slope = ((await memoryOfBoth(large)) - (await memoryOfBoth(small))) / (many - few);
  yield figure(
    'memory of an idle mailbox, Inbox and Sent over TLS, database included',
    { ours: slope / kilobyte, reference: (await bareClients(dovecot)) / kilobyte, unit: 'KB' },
    'less than 200 KB',
    () => slope < 200 * kilobyte,
  );
}

/** Bytes of this process for each of some bare clients in IDLE. */
async function bareClients(dovecot: Dovecot): Promise<number> {
  const clients: ImapFlow[] = [];
  const open = async (index: number) => {
    const client = new ImapFlow({
      host: 'localhost',
      port: dovecot.ports.imaps,
      secure: true,
      auth: { user: userOf(index), pass: 'secret' },
      tls: { ca: dovecot.ca },
      logger: false,
    });
    await client.connect();
    await client.mailboxOpen('INBOX', { readOnly: true });
    void client.idle();
    clients.push(client);
  };
  // The first load what all of them share.
  for (let index = 0; index < 20; index += 1) await open(index);
  const before = inUse();
  for (let index = 20; index < bare; index += 1) await open(index);
  const grown = inUse() - before;
  for (const client of clients) client.close();
  return grown / (bare - 20);
}

function inUse(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}
