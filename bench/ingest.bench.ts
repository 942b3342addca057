import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImapFlow } from 'imapflow';
import { headFields } from '../src/mail/parse-head.ts';
import { mail, prose, richText } from '../test/fixtures/mail.ts';
import { random } from '../test/fixtures/random.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import { type Dovecot, startDovecot } from '../test/servers/dovecot.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { startProduct } from './product.ts';

const count = 10_000;
const share = 0.05;
const user = 'bench@letterlog.test';

/**
 * How long 10,000 messages, 5 % of them contacts', take from "resume" to the last ledger row (durably committed, bodies of the
 * contacts' mail parsed and stored), against a plain imapflow loop that fetches the same heads and bodies and keeps nothing.
 */
export async function* run(): AsyncIterable<Figure> {
  await using dovecot = await startDovecot();
  await dovecot.addUser(user);
  await using product = await startProduct({ LETTERLOG_TLS_CA: dovecot.caFile });
  const { api, sql } = product;
  const contacts = Array.from({ length: 50 }, (_, index) => `contact${index}@customer.test`);
  for (const address of contacts) await api.post('/contacts', { addresses: [address] });

  const runs: { ours: number; reference: number }[] = [];
  for (const round of [1, 2, 3]) {
    const folder = `Round${round}`;
    await dovecot.doveadm('mailbox', 'create', '-u', user, folder);
    const connection = await connectMailbox(
      api,
      { address: user, password: 'secret', host: 'localhost', port: dovecot.ports.imaps },
      [folder],
    );
    await api.patch(`/connections/${connection.id}`, { paused: true });
    await fillMaildir(dovecot, folder, contacts, round);
    await referenceLoop(dovecot, folder, contacts); // warms the server's cache of heads, for both

    const reference = [await timed(() => referenceLoop(dovecot, folder, contacts))];
    const ours = await timed(async () => {
      await api.patch(`/connections/${connection.id}`, { paused: false });
      for (;;) {
        const { rows } = await sql.query<{ n: number }>(
          `select count(*)::int as n from sighting join folder on folder.id = sighting.folder_id
           where folder.connection_id = $1 and folder.ref = $2`,
          [connection.id, folder],
        );
        if (rows[0]?.n === count) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    reference.push(await timed(() => referenceLoop(dovecot, folder, contacts)));
    runs.push({ ours, reference: quantile(reference, 0) + (quantile(reference, 0.99) - quantile(reference, 0)) / 2 });
    await api.delete(`/connections/${connection.id}?log=erase`);
  }
  const [middle] = runs.sort((a, b) => a.ours / a.reference - b.ours / b.reference).slice(1, 2) as [
    { ours: number; reference: number },
  ];
  yield figure(
    'ingest of 10,000 messages, 5 % from contacts',
    { ...middle, unit: 's' },
    'at most 2.5 times a plain imapflow loop over the same heads and bodies',
    (ratio) => ratio <= 2.5,
  );
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

async function referenceLoop(dovecot: Dovecot, folder: string, contacts: string[]): Promise<void> {
  const wanted = new Set(contacts);
  const client = new ImapFlow({
    host: 'localhost',
    port: dovecot.ports.imaps,
    secure: true,
    auth: { user, pass: 'secret' },
    tls: { ca: dovecot.ca },
    logger: false,
    disableCompression: true,
  });
  await client.connect();
  await client.mailboxOpen(folder, { readOnly: true });
  let heads = 0;
  let bodies = 0;
  for (let low = 1; low <= count; low += 500) {
    const matches: number[] = [];
    const range = `${low}:${low + 499}`;
    for await (const head of client.fetch(
      range,
      { uid: true, flags: true, internalDate: true, size: true, headers: headFields },
      { uid: true },
    )) {
      heads += 1;
      const from = /^from:.*?([^\s<]+@[^\s>]+)/im.exec(head.headers?.toString() ?? '')?.[1];
      if (from && wanted.has(from)) matches.push(head.uid);
    }
    if (matches.length === 0) continue;
    for await (const body of client.fetch(matches.join(','), { uid: true, source: true }, { uid: true })) {
      bodies += body.source ? 1 : 0;
    }
  }
  await client.logout();
  if (heads !== count || bodies !== count * share) throw new Error(`the loop saw ${heads} heads and ${bodies} bodies`);
}

/** Mixed sizes: a quarter plain text, the rest newsletters of 3 to 50 KB, 6 % with an attachment of up to 200 KB. */
async function fillMaildir(dovecot: Dovecot, folder: string, contacts: string[], round: number): Promise<void> {
  const source = random(round);
  const maildir = path.join(dovecot.maildir(user), `.${folder}`);
  const { uid, gid } = await stat(maildir);
  await mkdir(path.join(maildir, 'new'), { recursive: true });
  for (let number = 0; number < count; number += 1) {
    const from =
      number % (1 / share) === 0 ? source.pick(contacts) : `stranger${source.between(1, 400)}@elsewhere.test`;
    const text = mail({
      from: `Somebody <${from}>`,
      to: user,
      messageId: `${round}.${number}@bench.example`,
      subject: prose(source, source.between(3, 8)),
      text: prose(source, source.between(50, 400)),
      html: source.next() < 0.25 ? undefined : richText(source, source.between(3_000, 50_000)),
      attachments:
        source.next() < 0.06
          ? [
              {
                filename: 'offer.pdf',
                contentType: 'application/pdf',
                content: Buffer.alloc(source.between(5_000, 200_000), 'pdf'),
              },
            ]
          : [],
    });
    const file = path.join(maildir, 'new', `${1_700_000_000 + number}.M${number}P1.bench`);
    await writeFile(file, text);
    await chown(file, uid, gid);
  }
  await dovecot.doveadm('index', '-u', user, folder);
}
