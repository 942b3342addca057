import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startDovecot } from '../test/servers/dovecot.ts';
import { type Figure, figure } from './figure.ts';
import { connectPaused, importAll } from './import-into.ts';
import { cacheHeads, contacts, fillFolder, writeMails } from './mailbox.ts';
import { plainLoop } from './plain-loop.ts';
import { startProduct } from './product.ts';
import { middle, timed } from './rounds.ts';

const mails = { count: 10_000, share: 0.05, seed: 1 };
const user = 'bench@letterlog.test';
const rounds = 5;

/**
 * How long 10,000 messages, 5 % of them contacts', take from "resume" to the last ledger row (durably committed, bodies of the
 * contacts' mail parsed and stored), against a plain imapflow loop that fetches the same heads and bodies and keeps nothing. Both are cold in the first round.
 */
export async function* run(): AsyncIterable<Figure> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'letterlog-mails-'));
  try {
    await writeMails(folder, user, mails);
    await using dovecot = await startDovecot();
    await dovecot.addUser(user);
    await using product = await startProduct({ LETTERLOG_TLS_CA: dovecot.caFile });
    for (const address of contacts) await product.api.post('/contacts', { addresses: [address] });

    const pairs: { ours: number; reference: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const name = `Round${round}`;
      await dovecot.doveadm('mailbox', 'create', '-u', user, name);
      const id = await connectPaused(product, dovecot, user, name);
      await fillFolder(dovecot, user, name, folder);
      await cacheHeads(dovecot, user, name);
      // Each has run as often as the other before, since V8 takes up to twice as long for what it hasn't compiled yet; and each is the first in turn.
      const loop = () => timed(() => plainLoop(dovecot, user, name, mails));
      const reference = round % 2 === 1 ? await loop() : null;
      const ours = await timed(() => importAll(product, id, mails));
      pairs.push({ ours, reference: reference ?? (await loop()) });
      await product.api.delete(`/connections/${id}?log=erase`);
    }
    yield figure(
      'ingest of 10,000 messages, 5 % from contacts',
      { ...middle(pairs), unit: 's' },
      'at most 2.5 times a plain imapflow loop over the same heads and bodies',
      (ratio) => ratio <= 2.5,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
