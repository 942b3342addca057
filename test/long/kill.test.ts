import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishAnswerMap } from '../fixtures/answer-map.ts';
import { mail } from '../fixtures/mail.ts';
import { random } from '../fixtures/random.ts';
import { connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { emptyTestDatabase } from '../servers/postgres.ts';
import { imapKillPoints, type KillPoint, type KillPointProxy, databaseKillPoints } from '../servers/kill-points.ts';

/**
 * The product is killed while it works, where it hurts, and has to account for every message all the same. What is expected
 * comes from this file's own manifest and from `doveadm`.
 */
const messages = { atLeast: 500, atMost: 5_000 };
const folders = ['INBOX', 'Sent', 'Projects'];
const owner = 'rep@letterlog.test';
const kills: KillPoint[] = Array.from({ length: 6 }, (): KillPoint[] => [
  'body in flight',
  'COMMIT forwarded, not answered',
  'inside a job',
  'COMMIT sent, not forwarded',
]).flat();

interface Delivered {
  messageId: string;
  /** Which contact's log must have it, and whether the contact is its sender. */
  contact: string | null;
  fires: boolean;
}

let dovecot: Dovecot;
let database: Awaited<ReturnType<typeof emptyTestDatabase>>;
let imap: KillPointProxy;
let postgres: Awaited<ReturnType<typeof databaseKillPoints>>;
let app: App;

beforeAll(async () => {
  dovecot = await startDovecot();
  database = await emptyTestDatabase();
  imap = await imapKillPoints({ port: dovecot.ports.imap });
  postgres = await databaseKillPoints(database.url);
});

afterAll(async () => {
  await app?.kill('SIGKILL');
  await Promise.all([imap?.[Symbol.asyncDispose](), postgres?.[Symbol.asyncDispose]()]);
  await dovecot?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

test(
  'nothing is lost and nothing happens twice however often the process is killed',
  { timeout: 900_000 },
  async () => {
    await dovecot.addUser(owner);
    await dovecot.doveadm('mailbox', 'create', '-u', owner, 'Projects');
    const start = async (): Promise<App> =>
      startApp({
        env: {
          DATABASE_URL: postgres.url,
          LETTERLOG_KEY: Buffer.alloc(32, 7).toString('base64'),
          LETTERLOG_SWEEP_SECONDS: '5',
        },
      });
    app = await start();
    const { api } = await setUp(app.url, app.setupToken as string);
    const contacts = Array.from({ length: 8 }, (_, index) => `contact${index}@customer${index}.test`);
    for (const address of contacts)
      await api.post('/contacts', { firstName: address.split('@')[0], addresses: [address] });
    await publishAnswerMap(api);
    await connectMailbox(
      api,
      { address: owner, password: 'secret', host: '127.0.0.1', port: imap.port, security: 'plain' },
      folders,
    );

    const manifest: Delivered[] = [];
    const killing = new AbortController();
    const delivery = deliverUntil(killing.signal, manifest, contacts);
    const hits: string[] = [];
    for (const point of kills) {
      const reached = await Promise.race([
        (point === 'body in flight' ? imap : postgres).arm(point).then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 60_000)),
      ]);
      await app.kill('SIGKILL');
      hits.push(reached ? point : `${point}: not reached`);
      console.log(`kill ${hits.length}: ${hits.at(-1)}, after ${manifest.length} delivered`);
      imap.release();
      postgres.release();
      app = await start();
    }
    killing.abort();
    await delivery;
    expect(hits).toEqual(kills);

    const client = new pg.Client(database.url);
    await client.connect();
    const rows = async <T extends object>(text: string): Promise<T[]> => (await client.query<T>(text)).rows;
    try {
      const expectedLog = manifest
        .filter((entry) => entry.contact)
        .map((entry) => `${entry.contact} ${entry.messageId}`);
      const expectedFirings = manifest
        .filter((entry) => entry.fires)
        .map((entry) => `${entry.contact} ${entry.messageId}`);
      const logged = () =>
        rows<{ entry: string }>(`select matched_address || ' ' || internet_message_id as entry
        from log_item join message on message.account_id = log_item.account_id and message.id = log_item.message_id`);
      const tasks = () =>
        rows<{ entry: string }>(`select contact_address.address || ' ' || message.internet_message_id as entry
        from task join run on run.account_id = task.account_id and run.id = task.run_id
        join message on message.account_id = run.account_id and message.id = run.message_id
        join contact_address on contact_address.account_id = task.account_id and contact_address.contact_id = task.contact_id`);
      await expect.poll(async () => (await logged()).length, { timeout: 120_000 }).toBe(expectedLog.length);
      await expect.poll(async () => (await tasks()).length, { timeout: 120_000 }).toBe(expectedFirings.length);
      await expect
        .poll(async () => (await rows(`select from run where state <> 'ended'`)).length, { timeout: 120_000 })
        .toBe(0);

      // The log: each contact's message once.
      expect((await logged()).map((row) => row.entry).sort()).toEqual([...new Set(expectedLog)].sort());
      // Firings and tasks: one for each message that a contact sent; each run passed each step once.
      expect((await tasks()).map((row) => row.entry).sort()).toEqual([...new Set(expectedFirings)].sort());
      const [{ firings, scores }] = (await rows<{ firings: number; scores: number }>(
        `select (select count(*) from firing)::int as firings, (select sum(lead_score) from contact)::int as scores`,
      )) as [{ firings: number; scores: number }];
      expect({ firings, scores }).toEqual({ firings: expectedFirings.length, scores: expectedFirings.length * 5 });
      // The ledger: exactly the UIDs that the server has.
      for (const folder of folders) {
        const listed = await dovecot.doveadm('-f', 'tab', 'fetch', '-u', owner, 'uid', 'mailbox', folder, 'all');
        const uids = listed.split('\n').slice(1).filter(Boolean).map(Number);
        const ledger = await rows<{ ref: string; state: string }>(
          `select sighting.ref, sighting.state from sighting join folder on folder.id = sighting.folder_id where folder.ref = '${folder}'`,
        );
        expect(ledger.map((row) => Number(row.ref)).sort((a, b) => a - b)).toEqual(uids.sort((a, b) => a - b));
        expect(ledger.filter((row) => row.state === 'quarantined')).toEqual([]);
      }
      console.log(
        `delivered ${manifest.length}, in the log ${expectedLog.length}, fired ${firings}, tasks ${expectedFirings.length}, kills ${hits.length}`,
      );
    } finally {
      await client.end();
    }
  },
);

/** Delivers without pause, a few a second, while anything is still to be killed; every twentieth message lies in two folders. */
async function deliverUntil(killed: AbortSignal, manifest: Delivered[], contacts: string[]): Promise<void> {
  const source = random(4711);
  for (let number = 0; number < messages.atMost; number += 1) {
    if (killed.aborted && number >= messages.atLeast) return;
    const folder = folders[number % folders.length] as string;
    const messageId = `kill.${number}@test.example`;
    const kind = source.next();
    const contact = kind < 0.6 ? source.pick(contacts) : null;
    const sent = folder === 'Sent' && contact !== null;
    const stranger = `stranger${number}@elsewhere.test`;
    const text = mail({
      from: sent ? owner : (contact ?? stranger),
      to: sent ? contact : owner,
      messageId,
      subject: `Message ${number}`,
      text: `${'Some words of text. '.repeat(source.between(5, 400))}\r\n`,
    });
    await dovecot.deliver(text, folder === 'INBOX' ? owner : owner.replace('@', `+${folder}@`));
    if (number % 20 === 0)
      await dovecot.deliver(text, owner.replace('@', `+${folder === 'Projects' ? 'Sent' : 'Projects'}@`));
    manifest.push({ messageId, contact, fires: contact !== null && !sent });
    await new Promise((resolve) => setTimeout(resolve, source.between(20, 120)));
  }
}
