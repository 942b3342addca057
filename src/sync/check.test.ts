import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkMailbox, fullMailbox, openForCheck } from '../../test/fixtures/checking.ts';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { startCheck, viewCheck, viewChecks } from '../connections/checks.ts';
import { updateContact } from '../contacts/save.ts';
import { ProviderError } from '../providers/provider.ts';
import { Suspects } from './fetch-bodies.ts';
import { refreshFolders } from './refresh-folders.ts';
import { syncStream } from './sync-stream.ts';

const anna = 'anna@customer.example';
const stranger = 'stranger@x.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, from = anna, folder = 'INBOX') =>
  box().append(folder, mail({ from, to: me, subject, messageId: `${subject}@x` }));
const subjects = async () => (await rig.log()).map((line) => line.split(' | ').slice(1, 3).join(' '));
const row = (ref: string) =>
  rig.db
    .selectFrom('sighting')
    .selectAll()
    .where('account_id', '=', rig.accountId)
    .where('ref', '=', ref)
    .where('superseded_at', 'is', null);

const opened = (id: string) => openForCheck(rig, id);
const check = (id: string) => checkMailbox(rig, id);
const mailbox = () => fullMailbox(rig, me, { contact: anna, stranger });

describe('a check', () => {
  test('of a mailbox that is in step finds nothing and changes nothing', async () => {
    const id = await mailbox();
    const before = await row('1').execute();
    const { result, found } = await check(id);
    expect(found).toEqual([]);
    expect(result).toMatchObject({ listed: 10, inLedger: 10, differences: 0, repaired: 0, recovered: 0, missing: 0 });
    expect(result.endedAt).not.toBeNull();
    expect(await row('1').execute()).toEqual(before);
    expect(await rig.fired()).toHaveLength(7);
  });

  test('of a folder that is renumbered while it is read begins it anew', async () => {
    const id = await mailbox();
    const memory = rig.deps.providers['memory']!;
    let listings = 0;
    rig.deps.providers['memory'] = {
      ...memory,
      async open(...settings) {
        const opening = await memory.open(...settings);
        const past: typeof opening.past = async function* (folder, range) {
          listings += 1;
          let first = listings === 1;
          for await (const page of opening.past(folder, range)) {
            yield page;
            if (first) box().renewEpoch('INBOX');
            first = false;
          }
        };
        return { ...opening, past };
      },
    };
    const { result, found } = await check(id);
    expect(found).toEqual([]);
    expect(result).toMatchObject({ listed: 10, inLedger: 10, differences: 0, missing: 0, error: null });
    expect(listings).toBeGreaterThan(2);
    expect(await rig.fired()).toHaveLength(7);
  });

  test('names and repairs deleted rows, of contacts and of strangers; nothing fires twice', async () => {
    const id = await mailbox();
    await sql`delete from sighting where account_id = ${rig.accountId} and ref in ('2', '8')`.execute(rig.db);
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: missing_row - > contact', 'INBOX: missing_row - > no_contact']);
    expect(result).toMatchObject({ listed: 10, inLedger: 8, differences: 2, repaired: 2, missing: 0 });
    expect(await rig.ledger()).toHaveLength(10);
    expect(await rig.fired()).toHaveLength(7);
    expect((await check(id)).found).toEqual([]);
  });

  test('logs and fires once what was never taken in and is live', async () => {
    const id = await mailbox();
    // As if it had been lost before anything of it was stored.
    await sql`delete from firing where account_id = ${rig.accountId} and message_id = (select id from message where account_id = ${rig.accountId} and subject = 'm3')`.execute(
      rig.db,
    );
    await sql`delete from log_item where account_id = ${rig.accountId} and message_id = (select id from message where account_id = ${rig.accountId} and subject = 'm3')`.execute(
      rig.db,
    );
    await sql`delete from sighting where account_id = ${rig.accountId} and message_id = (select id from message where account_id = ${rig.accountId} and subject = 'm3')`.execute(
      rig.db,
    );
    await sql`delete from message where account_id = ${rig.accountId} and subject = 'm3'`.execute(rig.db);
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: missing_row - > contact']);
    expect(result).toMatchObject({ repaired: 1, recovered: 1, missing: 0 });
    expect(await subjects()).toContain('m3 live');
    expect(await rig.fired()).toContain(`${anna} | m3`);
    await check(id);
    expect((await rig.fired()).filter((line) => line.endsWith('m3'))).toHaveLength(1);
  });

  test('decides anew on heads read anew: a row flipped to skipped whose log item was deleted is logged again', async () => {
    const id = await mailbox();
    await sql`delete from log_item where account_id = ${rig.accountId} and message_id = (select message_id from sighting where account_id = ${rig.accountId} and ref = '4')`.execute(
      rig.db,
    );
    await sql`update sighting set state = 'skipped', rule = 'no_contact', message_id = null, class = null where account_id = ${rig.accountId} and ref = '4'`.execute(
      rig.db,
    );
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: decision_differs no_contact > contact']);
    expect(result).toMatchObject({ differences: 1, repaired: 1, recovered: 1, missing: 0 });
    expect(await subjects()).toContain('m4 live');
    expect(await rig.fired()).toHaveLength(7);
  });

  test('fetches the message of such a row again where that was lost too', async () => {
    const id = await mailbox();
    const { message_id: messageId } = await row('4').where('message_id', 'is not', null).executeTakeFirstOrThrow();
    await sql`update sighting set state = 'skipped', rule = 'no_contact', message_id = null, class = null where account_id = ${rig.accountId} and ref = '4'`.execute(
      rig.db,
    );
    await sql`delete from message where account_id = ${rig.accountId} and id = ${messageId}`.execute(rig.db);
    expect((await check(id)).found).toEqual(['INBOX: decision_differs no_contact > contact']);
    expect(await subjects()).toContain('m4 live');
  });

  test('takes back a stranger’s row that was flipped to logged, and the message that nobody named', async () => {
    const id = await mailbox();
    const fake = await rig.db
      .insertInto('message')
      .values({ account_id: rig.accountId, identity: Buffer.from('fake'), received_at: new Date(), size: 1 })
      .returning('id')
      .executeTakeFirstOrThrow();
    await sql`update sighting set state = 'logged', rule = 'contact', message_id = ${fake.id} where account_id = ${rig.accountId} and ref = '9'`.execute(
      rig.db,
    );
    const { found } = await check(id);
    expect(found).toEqual(['INBOX: decision_differs contact > no_contact']);
    expect(await row('9').executeTakeFirst()).toMatchObject({ state: 'skipped', rule: 'no_contact', message_id: null });
    expect(await rig.db.selectFrom('message').where('id', '=', fake.id).selectAll().execute()).toEqual([]);
    // Its people's hashes are there again, so it is found should one become a contact.
    await rig.addContact(stranger);
    await rig.pass(id);
    expect(await subjects()).toContain('s2 late_contact');
  });

  test('names a row whose place has another message on the server, and logs that one too', async () => {
    const id = await mailbox();
    // Without a word, as a server does that gives a number twice.
    box().folders.get('INBOX')!.messages.get(3)!.raw = Buffer.from(mail({ from: anna, to: me, subject: 'swapped' }));
    await rig.pass(id);
    expect(await subjects()).not.toContain('swapped live');
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: other_message contact > contact']);
    expect(result).toMatchObject({ differences: 1, repaired: 1, recovered: 1, missing: 0 });
    expect(await subjects()).toEqual(expect.arrayContaining(['m3 live', 'swapped live']));
    expect(await rig.fired()).toHaveLength(8);
    expect((await check(id)).found).toEqual([]);
  });

  test('names and repairs a log item that is missing', async () => {
    const id = await mailbox();
    await sql`delete from log_item where account_id = ${rig.accountId} and message_id = (select message_id from sighting where account_id = ${rig.accountId} and ref = '5')`.execute(
      rig.db,
    );
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: missing_log_item contact > contact']);
    expect(result).toMatchObject({ recovered: 1, missing: 0 });
    expect(await subjects()).toContain('m5 live');
    expect(await rig.fired()).toHaveLength(7);
  });

  test('gives a repaired item of somebody who became a contact later its class, which fires nothing', async () => {
    const id = await mailbox();
    await rig.addContact(stranger);
    await rig.pass(id);
    await sql`delete from log_item where account_id = ${rig.accountId} and message_id = (select message_id from sighting where account_id = ${rig.accountId} and ref = '8')`.execute(
      rig.db,
    );
    expect((await check(id)).found).toEqual(['INBOX: missing_log_item contact > contact']);
    expect(await subjects()).toContain('s1 late_contact');
    expect(await rig.fired()).toHaveLength(7);
  });

  test('repairs the mail of a contact as it was due, though other addresses of the contact have changed since', async () => {
    const id = await mailbox();
    const contact = await rig.db
      .selectFrom('contact')
      .select('id')
      .where('account_id', '=', rig.accountId)
      .executeTakeFirstOrThrow();
    const addresses = ['anna@home.example', 'Anna@customer.example'];
    const changed = await updateContact(rig.db, rig.contactDeps, rig.viewers[0]!, contact.id, { addresses });
    expect(changed.addresses).toEqual(addresses);
    await sql`delete from log_item where account_id = ${rig.accountId} and message_id = (select message_id from sighting where account_id = ${rig.accountId} and ref = '5')`.execute(
      rig.db,
    );
    await check(id);
    expect(await subjects()).toContain('m5 live');
  });

  test('names a cursor that was turned forward, and takes in what it passed', async () => {
    const id = await mailbox();
    const { mailbox: open } = await opened(id);
    for (let i = 1; i <= 6; i += 1) deliver(`passed${i}`);
    const cursor = await open.start({ ref: 'INBOX', folders: ['INBOX'] });
    await sql`update stream set cursor = ${cursor} where account_id = ${rig.accountId} and ref = 'INBOX'`.execute(
      rig.db,
    );
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(8);
    const { result, found } = await check(id);
    expect(found).toEqual([
      'INBOX: cursor_ahead - > -',
      ...Array.from({ length: 6 }, () => 'INBOX: missing_row - > contact'),
    ]);
    expect(result).toMatchObject({ listed: 16, inLedger: 10, differences: 7, repaired: 7, recovered: 6, missing: 0 });
    expect(await rig.fired()).toHaveLength(13);
  });

  test('names a cursor that was turned back; nothing is taken in twice', async () => {
    const id = await mailbox();
    await sql`update stream set cursor = start_cursor where account_id = ${rig.accountId} and ref = 'INBOX'`.execute(
      rig.db,
    );
    const { result, found } = await check(id);
    expect(found).toEqual(['INBOX: cursor_behind - > -']);
    expect(result).toMatchObject({ differences: 1, repaired: 1, recovered: 0 });
    expect(await rig.ledger()).toHaveLength(10);
    expect(await rig.fired()).toHaveLength(7);
    expect((await check(id)).found).toEqual([]);
  });

  test('names rows whose message isn’t there any more, and rows that count as vanished though it is', async () => {
    const id = await mailbox();
    await sql`insert into sighting (account_id, connection_id, folder_id, epoch, ref, received_at, state, rule)
      select account_id, connection_id, folder_id, epoch, '99', now(), 'skipped', 'draft' from sighting where account_id = ${rig.accountId} and ref = '7'`.execute(
      rig.db,
    );
    await sql`update sighting set vanished_at = now() where account_id = ${rig.accountId} and ref = '7'`.execute(
      rig.db,
    );
    expect((await check(id)).found).toEqual([
      'INBOX: row_without_message draft > draft',
      'INBOX: wrongly_vanished contact > contact',
    ]);
    expect(await row('99').executeTakeFirst()).not.toMatchObject({ vanished_at: null });
    expect(await row('7').executeTakeFirst()).toMatchObject({ vanished_at: null });
  });

  test('edge case 13: logs what was flagged as a draft where it lies and is not any more', async () => {
    const id = await mailbox();
    const text = mail({ from: me, to: anna, subject: 'offer' });
    const place = box().append('INBOX', text, { flags: ['\\Draft'] });
    await rig.pass(id);
    expect(await subjects()).not.toContain('offer live');
    box().setFlags(place, ['\\Seen']);
    expect((await check(id)).found).toEqual(['INBOX: decision_differs draft > contact']);
    expect(await subjects()).toContain('offer live');
  });

  test('takes mail that arrives while it runs for no difference, and lets it pass first', async () => {
    const id = await mailbox();
    const { hold, mailbox: open, checking } = await opened(id);
    const checkId = await startCheck(rig.db, rig.accountId, id, { userId: null });
    let steps = 0;
    while ((await checking.step()).worked) {
      steps += 1;
      deliver(`during${steps}`);
      box().delete({ folder: 'INBOX', epoch: String(box().folders.get('INBOX')!.epoch), ref: String(steps) });
      await syncStream(hold, open, 'INBOX', new Suspects());
      if (steps > 6) break;
    }
    while ((await checking.step()).worked);
    await open.close();
    expect(steps).toBeGreaterThan(3);
    expect(await viewCheck(rig.db, rig.accountId, id, checkId)).toMatchObject({ differences: 0, missing: 0 });
  });

  test('that was asked for is taken up again by the next process', async () => {
    const id = await mailbox();
    await sql`delete from sighting where account_id = ${rig.accountId} and ref in ('2', '7')`.execute(rig.db);
    const checkId = await startCheck(rig.db, rig.accountId, id, { userId: null });
    const first = await opened(id);
    for (let i = 0; i < 4; i += 1) await first.checking.step();
    const second = await opened(id);
    await expect(
      (async () => {
        while ((await first.checking.step()).worked);
      })(),
    ).rejects.toThrow('no longer held');
    while ((await second.checking.step()).worked);
    await Promise.all([first.mailbox.close(), second.mailbox.close()]);
    expect(await viewCheck(rig.db, rig.accountId, id, checkId)).toMatchObject({
      listed: 10,
      differences: 2,
      repaired: 2,
      missing: 0,
    });
    expect(await rig.ledger()).toHaveLength(10);
  });

  test('goes on without a folder that can’t be read, and says so', async () => {
    const id = await mailbox();
    await sql`delete from sighting where account_id = ${rig.accountId} and folder_id in (select id from folder where ref = 'Sent')`.execute(
      rig.db,
    );
    box().fail('past', new ProviderError('protocol', 'The server answered nonsense.'), { folder: 'INBOX' });
    const { result, found } = await check(id);
    expect(found).toContain('Sent: missing_row - > contact');
    expect(result.troubles).toEqual([{ folder: 'INBOX', error: 'The server answered nonsense.' }]);
  });

  test('runs by itself once a day', async () => {
    const id = await mailbox();
    const run = async () => {
      const { checking, mailbox: open } = await opened(id);
      while ((await checking.step()).worked);
      await open.close();
      return (await viewChecks(rig.db, rig.accountId, id)).length;
    };
    expect(await run()).toBe(0);
    await rig.db
      .updateTable('connection')
      .set({ started_at: sql<Date>`now() - interval '27 hours'` })
      .where('id', '=', id)
      .execute();
    expect(await run()).toBe(1);
    expect(await run()).toBe(1);
    await rig.db
      .updateTable('mailbox_check')
      .set({ asked_at: sql<Date>`now() - interval '27 hours'` })
      .where('connection_id', '=', id)
      .execute();
    expect(await run()).toBe(2);
    // One that was broken off is begun again sooner.
    const brokenOff = (ago: string) =>
      sql`update mailbox_check set error = 'No route.', asked_at = now() - ${ago}::interval
        where connection_id = ${id} and asked_at > now() - interval '1 day'`.execute(rig.db);
    await brokenOff('50 minutes');
    expect(await run()).toBe(2);
    await brokenOff('61 minutes');
    expect(await run()).toBe(3);
    expect(await run()).toBe(3);
  });
});

test('a folder that is renamed while it is checked is compared all the same', async () => {
  await rig.addContact(anna);
  box().createFolder('Projects');
  const id = await rig.connect(me, ['Projects']);
  for (let i = 1; i <= 3; i += 1) deliver(`p${i}`, anna, 'Projects');
  await rig.pass(id);
  await sql`delete from sighting where account_id = ${rig.accountId} and ref = '2'`.execute(rig.db);
  const { hold, mailbox, checking } = await opened(id);
  const checkId = await startCheck(rig.db, rig.accountId, id, { userId: rig.viewers[0]!.userId });
  await checking.step();
  box().renameFolder('Projects', 'Old projects');
  await refreshFolders(hold, mailbox);
  while ((await checking.step()).worked);
  await mailbox.close();
  const result = await viewCheck(rig.db, rig.accountId, id, checkId);
  expect(result).toMatchObject({ listed: 3, inLedger: 2, differences: 1, repaired: 1, troubles: [] });
});
