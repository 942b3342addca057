import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { connectMailbox } from '../test/servers/api-client.ts';
import { startDovecot } from '../test/servers/dovecot.ts';
import { connectInboxes, deliverInTurn, liveMail, watchLogs } from './deliver-in-turn.ts';
import { watchEventLoop } from './event-loop-of.ts';
import { type Figure, figure } from './figure.ts';
import { fillFolder, writeMails } from './mailbox.ts';
import { startProduct } from './product.ts';

const others = 20;
const large = 'large@letterlog.test';
const mails = { count: 20_000, share: 0.5, seed: 1, different: 1000 };
/** Deliveries in quiet, and the least while it imports. */
const deliveries = 200;

/**
 * How soon live mail of twenty mailboxes is in the log while another mailbox of their account imports 20,000 messages of history, half of them from contacts, against
 * the same in quiet. On Dovecot, which announces mail after half a second.
 */
export async function* run(): AsyncIterable<Figure> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'letterlog-mails-'));
  try {
    await writeMails(folder, large, mails);
    await using dovecot = await startDovecot();
    await using loop = await watchEventLoop();
    const users = Array.from({ length: others }, (_, index) => `live${index}@letterlog.test`);
    for (const user of [large, ...users]) await dovecot.addUser(user);
    await dovecot.doveadm('mailbox', 'create', '-u', large, 'Old');
    await fillFolder(dovecot, large, 'Old', folder);
    await using product = await startProduct({ LETTERLOG_TLS_CA: dovecot.caFile, ...loop.env });
    const { api, app } = product;
    const settings = { password: 'secret', host: 'localhost', port: dovecot.ports.imaps };
    const ids = await connectInboxes(product, dovecot, users);
    const { id } = await connectMailbox(api, { address: large, ...settings }, ['Old']);

    const logged = await watchLogs(product);
    const deliver = (until: (count: number) => Promise<boolean>) => deliverInTurn(dovecot, ids, logged, until);
    // The first of each mailbox opens what stays open.
    await deliver(async (count) => count === others);
    await loop.read(app.pid);
    const quiet = await deliver(async (count) => count === deliveries);
    const turnsInQuiet = await loop.read(app.pid);

    await api.post(`/connections/${id}/history`, { since: null });
    const state = async () => (await api.get(`/connections/${id}/history`)).items[0];
    const busy = await deliver(async () => (await state()).state === 'done');
    const turns = await loop.read(app.pid);
    const imported = (await state()).logged;
    if (imported !== mails.count * mails.share) throw new Error(`${imported} messages were imported`);
    if (busy.length < deliveries / 2) throw new Error(`only ${busy.length} were delivered while it was imported`);

    const during = `while ${mails.count} messages are imported, against quiet`;
    yield* liveMail(during, busy, quiet);
    const longest = { ours: turns.longest, reference: turnsInQuiet.longest, unit: 'ms' };
    yield figure(`longest turn of the main thread ${during}`, longest, 'reported', () => true);
    const p99 = { ours: turns.p99, reference: turnsInQuiet.p99, unit: 'ms' };
    yield figure(`lateness of the main thread, p99, ${during}`, p99, 'reported', () => true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
