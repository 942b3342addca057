import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startDovecot } from '../test/servers/dovecot.ts';
import { type Figure, figure } from './figure.ts';
import { connectPaused, importAll } from './import-into.ts';
import { contacts, fillFolder, writeMails } from './mailbox.ts';
import { prepareMirror } from './mbsync.ts';
import { plainLoop } from './plain-loop.ts';
import { startProduct } from './product.ts';
import { middle, timed } from './rounds.ts';

const count = 10_000;
const user = 'bench@letterlog.test';
const rounds = 3;

/**
 * How long a mailbox of 10,000 messages (392 MB) takes until all of it is durably in the ledger, with contacts' mail parsed and in their logs, against
 * mbsync's mirror of the same folder with its defaults and a plain imapflow loop; all over TLS, after one reading that fills the server's caches.
 */
export async function* run(): AsyncIterable<Figure> {
  for (const [share, goal, most] of [
    [0.05, 'at least 5 times as fast as mbsync', 0.2],
    [1, 'at least as fast as mbsync', 1],
  ] as const) {
    const { mirror, loop } = await importOf(share);
    const name = `import of 10,000 messages, ${share * 100} % from contacts`;
    yield figure(`${name}, against mbsync`, { ...middle(mirror), unit: 's' }, goal, (ratio) => ratio <= most);
    yield figure(`${name}, against a plain imapflow loop`, { ...middle(loop), unit: 's' }, 'reported', () => true);
  }
}

interface Pair {
  ours: number;
  reference: number;
}

async function importOf(share: number): Promise<{ mirror: Pair[]; loop: Pair[] }> {
  const mails = { count, share, seed: 1 };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'letterlog-mails-'));
  try {
    await writeMails(folder, user, mails);
    await using dovecot = await startDovecot();
    await dovecot.addUser(user);
    await using product = await startProduct({ LETTERLOG_TLS_CA: dovecot.caFile });
    for (const address of contacts) await product.api.post('/contacts', { addresses: [address] });

    const pairs = { mirror: [] as Pair[], loop: [] as Pair[] };
    for (let round = 1; round <= rounds; round += 1) {
      const name = `Round${round}`;
      await dovecot.doveadm('mailbox', 'create', '-u', user, name);
      const id = await connectPaused(product, dovecot, user, name);
      await fillFolder(dovecot, user, name, folder);
      await plainLoop(dovecot, user, name, mails);
      const ours = await timed(() => importAll(product, id, mails));
      const mbsync = await prepareMirror(dovecot, user, name);
      pairs.mirror.push({ ours, reference: await timed(mbsync.mirror) });
      const mirrored = (await readdir(path.join(mbsync.maildir, 'new'))).length;
      if (mirrored !== count) throw new Error(`mbsync mirrored ${mirrored} messages`);
      pairs.loop.push({ ours, reference: await timed(() => plainLoop(dovecot, user, name, mails)) });
      await mbsync.remove();
      await product.api.delete(`/connections/${id}?log=erase`);
    }
    return pairs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
