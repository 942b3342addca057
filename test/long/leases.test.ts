import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishAnswerMap } from '../fixtures/answer-map.ts';
import { mail } from '../fixtures/mail.ts';
import { connectMailbox, setUp } from '../servers/api-client.ts';
import { type App, startApp } from '../servers/app.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { databaseKillPoints, type KillPoint } from '../servers/kill-points.ts';
import { testDatabase } from '../servers/postgres.ts';

const mailboxes = Array.from({ length: 9 }, (_, i) => `rep${i}@letterlog.test`);
const anna = 'anna@customer.test';
const waiting = { timeout: 60_000, interval: 100 };

let dovecot: Dovecot;
let database: Awaited<ReturnType<typeof testDatabase>>;
let client: pg.Client;
const apps: App[] = [];
/** Message-IDs of all that was delivered: the manifest. */
const delivered: string[] = [];

beforeEach(async () => {
  dovecot = await startDovecot();
  for (const address of mailboxes) await dovecot.addUser(address);
  database = await testDatabase();
  client = new pg.Client(database.url);
  await client.connect();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.kill('SIGKILL')));
  delivered.length = 0;
  await client?.end();
  await dovecot?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

const rows = async <T extends object>(text: string): Promise<T[]> => (await client.query<T>(text)).rows;
/** Process id → the mailboxes that it holds. */
async function holders(): Promise<Map<number, string[]>> {
  const found = await rows<{ id: number; address: string | null }>(
    'select p.id, c.address from sync_process p left join lease l on l.process_id = p.id left join connection c on c.id = l.connection_id',
  );
  const map = new Map<number, string[]>();
  for (const { id, address } of found) map.set(id, [...(map.get(id) ?? []), ...(address ? [address] : [])]);
  return map;
}
const sizes = async () => [...(await holders()).values()].map((held) => held.length).sort();
const logged = async () =>
  (await rows<{ id: string }>('select internet_message_id as id from message')).map((row) => row.id).sort();

/** Starts one more process; which of the sync processes it is shows by what joined. */
async function start(databaseUrl = database.url): Promise<{ app: App; processId: number }> {
  const before = new Set((await holders()).keys());
  const app = await startApp({
    env: {
      DATABASE_URL: databaseUrl,
      LETTERLOG_KEY: Buffer.alloc(32, 7).toString('base64'),
      LETTERLOG_SWEEP_SECONDS: '600',
    },
  });
  apps.push(app);
  await expect.poll(async () => (await holders()).size, waiting).toBe(before.size + 1);
  const processId = [...(await holders()).keys()].find((id) => !before.has(id)) as number;
  return { app, processId };
}

async function deliverTo(addresses: readonly string[], label: string): Promise<void> {
  for (const to of addresses) {
    const messageId = `${label}.${to}`;
    delivered.push(messageId);
    await dovecot.deliver(mail({ from: anna, to, messageId, subject: label }), to);
  }
}
const allLogged = async () => await expect.poll(logged, waiting).toEqual([...delivered].sort());

/** The first process's account, with a contact, a map that answers her, and these mailboxes. */
async function furnish(app: App, addresses: readonly string[]): Promise<void> {
  const { api } = await setUp(app.url, app.setupToken as string);
  await api.post('/contacts', { firstName: 'Anna', addresses: [anna] });
  await publishAnswerMap(api);
  for (const address of addresses) {
    const at = { address, password: 'secret', host: '127.0.0.1', port: dovecot.ports.imap, security: 'plain' };
    await connectMailbox(api, at, ['INBOX']);
  }
}

/** One item and one firing for each message. */
async function expectNothingTwice(): Promise<void> {
  const counts = await rows<{ items: number; firings: number }>(
    'select (select count(*) from log_item where message_id is not null)::int as items, (select count(*) from firing)::int as firings',
  );
  expect(counts).toEqual([{ items: delivered.length, firings: delivered.length }]);
}

test('mailboxes are shared out, taken over from a killed process and kept from a stopped one', async () => {
  const first = await start();
  await furnish(first.app, mailboxes);
  await deliverTo(mailboxes, 'alone');
  await allLogged();

  const second = await start();
  const third = await start();
  await expect.poll(sizes, waiting).toEqual([3, 3, 3]);
  await deliverTo(mailboxes, 'shared');
  await allLogged();

  // Killed: its mailboxes are live on the others.
  const orphans = (await holders()).get(second.processId) as string[];
  expect(orphans).toHaveLength(3);
  await second.app.kill('SIGKILL');
  const killed = performance.now();
  await deliverTo(orphans, 'orphan');
  await allLogged();
  const seconds = (performance.now() - killed) / 1000;
  console.log(`mailboxes of a killed process are live after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(30);
  await expect.poll(sizes, waiting).toEqual([4, 5]);

  // Stopped past its lease: the others take over, and what it still wants to do when it goes on commits nothing.
  const held = (await holders()).get(third.processId) as string[];
  process.kill(third.app.pid, 'SIGSTOP');
  const stopped = performance.now();
  await deliverTo(held, 'stopped');
  await allLogged();
  console.log(`mailboxes of a stopped process are live after ${((performance.now() - stopped) / 1000).toFixed(1)} s`);
  expect([...(await holders()).keys()]).toEqual([first.processId]);
  const fences = `select c.address, c.fence from connection c join lease l on l.connection_id = c.id where l.process_id = ${first.processId}`;
  const before = new Map((await rows<{ address: string; fence: string }>(fences)).map((r) => [r.address, r.fence]));
  const wakened = third.app.output().length;
  process.kill(third.app.pid, 'SIGCONT');
  await deliverTo(held, 'continued');
  await allLogged();
  // It noticed and takes part anew, as another.
  await expect.poll(() => third.app.output().slice(wakened), waiting).toContain('lost the leases');
  for (const { address, fence } of await rows<{ address: string; fence: string }>(fences))
    expect([address, fence]).toEqual([address, before.get(address)]);
  await expect.poll(sizes, waiting).toEqual([4, 5]);

  // A stop hands over at once.
  const leaving = performance.now();
  await first.app.kill('SIGTERM');
  await deliverTo(mailboxes, 'left');
  await allLogged();
  console.log(
    `mailboxes of a process that ended are live after ${((performance.now() - leaving) / 1000).toFixed(1)} s`,
  );

  await expectNothingTwice();
}, 120_000);

test('edge case 27: a commit that is under way when its process stops is refused after a take-over, and there once if it was sent', async () => {
  await using points = await databaseKillPoints(database.url);
  const addresses = mailboxes.slice(0, 3);
  const first = await start();
  await furnish(first.app, addresses);
  await deliverTo(addresses, 'alone');
  await allLogged();
  await start();
  const { app } = await start(points.url);
  const stopAt: KillPoint[] = [
    'begun, the fence not looked at',
    'COMMIT sent, not forwarded',
    'COMMIT forwarded, not answered',
  ];
  for (const point of stopAt) {
    await expect.poll(sizes, waiting).toEqual([1, 1, 1]);
    const known = await holders();
    const stopped = [...known.keys()].at(-1)!;
    const [address] = known.get(stopped)!;
    const reached = points.arm(point);
    await deliverTo([address!], point.replace(/\W+/g, '-'));
    await reached;
    process.kill(app.pid, 'SIGSTOP');
    const since = performance.now();
    await expect.poll(async () => [...(await holders()).keys()], waiting).not.toContain(stopped);
    await deliverTo([address!], `${point.replace(/\W+/g, '-')}.taken`);
    await allLogged();
    console.log(
      `stopped at "${point}": its mailbox is live after ${((performance.now() - since) / 1000).toFixed(1)} s`,
    );
    const printed = app.output().length;
    process.kill(app.pid, 'SIGCONT');
    points.goOn();
    await expect.poll(() => app.output().slice(printed), waiting).toContain('lost the leases');
    await expect.poll(async () => (await holders()).size, waiting).toBe(3);
    points.release();
  }
  await expect.poll(sizes, waiting).toEqual([1, 1, 1]);
  await deliverTo(addresses, 'after');
  await allLogged();
  await expectNothingTwice();
}, 240_000);
