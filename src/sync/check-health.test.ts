import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkMailbox, fullMailbox } from '../../test/fixtures/checking.ts';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { addExclusion } from '../contacts/exclusions.ts';
import { viewConnection } from '../connections/view.ts';

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
const check = (id: string) => checkMailbox(rig, id);
const mailbox = () => fullMailbox(rig, me, { contact: anna, stranger });

describe('health', () => {
  const codes = async (id: string) => (await viewConnection(rig.db, rig.accountId, id)).health.map(({ code }) => code);

  test('flags a connection whose check found differences, though no call failed, until one finds none', async () => {
    const id = await mailbox();
    expect(await codes(id)).toEqual([]);
    await sql`delete from sighting where account_id = ${rig.accountId} and ref = '2'`.execute(rig.db);
    await check(id);
    expect(await codes(id)).toEqual(['drifted']);
    await check(id);
    expect(await codes(id)).toEqual([]);
  });

  test('takes what somebody deleted in the mailbox for no sign of trouble', async () => {
    const id = await mailbox();
    // Older than what a look at the folder's changes tells of.
    box().folders.get('INBOX')!.messages.delete(2);
    expect((await check(id)).found).toEqual(['INBOX: row_without_message contact > contact']);
    expect(await codes(id)).toEqual([]);
  });

  test('flags one that has been silent for over three times its longest gap of 30 days, a day at least', async () => {
    const id = await mailbox();
    const silentFor = (hours: number) =>
      sql`update stream set last_mail_at = now() - make_interval(hours => ${hours}) where account_id = ${rig.accountId}`.execute(
        rig.db,
      );
    await check(id);
    await silentFor(23);
    expect(await codes(id)).toEqual([]);
    await silentFor(25);
    expect(await codes(id)).toEqual(['silent']);
    // A gap of ten hours: silence counts from thirty on.
    await sql`update sighting set received_at = now() - interval '10 hours' where account_id = ${rig.accountId} and ref = '1'`.execute(
      rig.db,
    );
    await check(id);
    await silentFor(29);
    expect(await codes(id)).not.toContain('silent');
    await silentFor(31);
    expect(await codes(id)).toContain('silent');
  });
});

describe('exclusions', () => {
  const exclude = (value: string) =>
    addExclusion(rig.db, { isPublicDomain: () => false }, rig.viewers[0]!, { scope: 'account', value });

  test('are no difference: neither what they keep out, nor what was logged before', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    deliver('before');
    await rig.pass(id);
    await exclude('customer.example');
    deliver('after');
    await rig.pass(id);
    expect((await check(id)).found).toEqual([]);
    expect(await subjects()).toEqual(['before live']);
  });

  test('that are gone without their mail having come back are noticed: it is logged as late and fires nothing', async () => {
    await rig.addContact(anna);
    await exclude(anna);
    const id = await rig.connect(me);
    deliver('kept out');
    await rig.pass(id);
    const gone = { removed_at: new Date() };
    await rig.db.updateTable('exclusion').set(gone).where('account_id', '=', rig.accountId).execute();
    expect((await check(id)).found).toEqual(['INBOX: decision_differs excluded > contact']);
    expect(await subjects()).toEqual(['kept out late_contact']);
    expect(await rig.fired()).toEqual([]);
  });
});
