import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { startCheck, viewCheck } from '../connections/checks.ts';
import { listQuarantine, settleQuarantined } from '../connections/quarantine.ts';
import { ProviderError } from '../providers/provider.ts';
import { MailboxChecking } from './check.ts';
import { claim } from './claim.ts';
import { removeUnseen } from './compare.ts';
import { Suspects } from './fetch-bodies.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
  await rig.addContact(anna);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const list = (id: string) => listQuarantine(rig.db, rig.viewers[0]!, id);
const settle = (id: string, sightingId: string, what: 'retry' | 'dismiss' | 'restore') =>
  settleQuarantined(rig.db, rig.viewers[0]!, id, sightingId, what);
const subjects = async () => (await rig.log()).map((line) => line.split(' | ').slice(1, 3).join(' '));

/** Two messages of Anna's, of which the first can't be fetched `times` times. */
async function quarantined(times: number, owner = rig.viewers[0]!) {
  const id = await rig.connect(me, ['INBOX'], owner);
  const place = box().append('INBOX', mail({ from: anna, to: me, subject: 'stuck', messageId: 'stuck@x' }));
  box().fail('message', new ProviderError('protocol', 'The body never came.'), { place, times });
  box().append('INBOX', mail({ from: anna, to: me, subject: 'after', messageId: 'after@x' }));
  await rig.pass(id);
  expect(await subjects()).toEqual(['after live']);
  return { id, sightingId: (await list(id))[0]!.id };
}

test('edge case 12: a message that could not be fetched is shown with its error and, tried by hand, is logged and fires once', async () => {
  const { id, sightingId } = await quarantined(2);
  const [shown] = await list(id);
  expect(shown).toMatchObject({ folder: 'INBOX', dismissed: false, error: 'The body never came.', tries: 1 });
  expect(shown!.nextTryAt!.getTime()).toBeGreaterThan(Date.now());
  await settle(id, sightingId, 'retry');
  await rig.pass(id);
  expect((await list(id))[0]).toMatchObject({ tries: 2 });
  await settle(id, sightingId, 'retry');
  await rig.pass(id);
  expect(await subjects()).toEqual(['after live', 'stuck live']);
  expect(await rig.fired()).toHaveLength(2);
  expect(await list(id)).toEqual([]);
  await expect(settle(id, sightingId, 'dismiss')).rejects.toMatchObject({ code: 'conflict' });
});

test('edge case 5: one that is dismissed is counted, never tried again, not by a check either, and can be put back', async () => {
  const { id, sightingId } = await quarantined(1);
  await settle(id, sightingId, 'dismiss');
  await rig.hurry();
  await rig.pass(id);
  expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: skipped dismissed']);
  const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
  const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
  const checking = new MailboxChecking(hold, mailbox, new Suspects());
  const checkId = await startCheck(rig.db, rig.accountId, id, { userId: null });
  while ((await checking.step()).worked);
  await mailbox.close();
  expect(await viewCheck(rig.db, rig.accountId, id, checkId)).toMatchObject({ listed: 2, inLedger: 2, differences: 0 });
  expect(await list(id)).toMatchObject([{ dismissed: true, nextTryAt: null }]);
  await settle(id, sightingId, 'restore');
  await rig.pass(id);
  expect(await subjects()).toEqual(['after live', 'stuck live']);
  expect(await rig.fired()).toHaveLength(2);
});

test('one that is dismissed while it is being tried stays dismissed', async () => {
  const { id, sightingId } = await quarantined(1);
  await rig.hurry();
  const { message: before = 0 } = box().calls;
  let dismissing = true;
  rig.deps.storing = async (_piece, work) => {
    // It has been fetched again, and is about to be stored.
    if (dismissing && box().calls.message! > before) {
      dismissing = false;
      await settle(id, sightingId, 'dismiss');
    }
    return await work();
  };
  await rig.pass(id);
  expect(dismissing).toBe(false);
  expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: skipped dismissed']);
  expect(await subjects()).toEqual(['after live']);
});

test('an admin sees the quarantine of others’ mailboxes without what was read there', async () => {
  const owner = rig.viewers.find(({ role }) => role === 'member')!;
  const { id } = await quarantined(1, owner);
  expect(await listQuarantine(rig.db, owner, id)).toMatchObject([{ error: 'The body never came.' }]);
  expect(await list(id)).toMatchObject([{ folder: 'INBOX', error: null }]);
});

test('a receive time that no database can store keeps nobody else from the log', async () => {
  const id = await rig.connect(me);
  const receivedAt = new Date('+012345-01-01T00:00:00Z');
  box().append('INBOX', mail({ from: 'x@stranger.example', to: me }), { receivedAt });
  box().append('INBOX', mail({ from: anna, to: me, subject: 'odd' }), { receivedAt });
  box().append('INBOX', mail({ from: anna, to: me, subject: 'after' }));
  await rig.pass(id);
  expect(await subjects()).toEqual(['after live']);
  expect(await list(id)).toHaveLength(1);
});

test('a message that a check removes while another mailbox finds it is stored anew, and not quarantined', async () => {
  const other = 'colleague@acme.example';
  rig.server.mailbox(other);
  const [id, second] = [await rig.connect(me), await rig.connect(other)];
  const raw = mail({ from: anna, to: me, cc: other, subject: 'both', messageId: 'both@x' });
  box().append('INBOX', raw);
  await rig.pass(id);
  await rig.pass(second);
  const { id: messageId } = await rig.db
    .selectFrom('message')
    .select('id')
    .where('account_id', '=', rig.accountId)
    .executeTakeFirstOrThrow();
  // As a check has it for a moment: no row and no log holds the message any more.
  await rig.db.deleteFrom('log_item').where('message_id', '=', messageId).execute();
  await sql`update sighting set state = 'skipped', rule = 'no_contact', class = null, message_id = null where message_id = ${messageId}`.execute(
    rig.db,
  );
  rig.server.mailboxes.get(other)!.append('INBOX', raw);
  let passing: Promise<void> | undefined;
  await rig.db.transaction().execute(async (trx) => {
    expect(await removeUnseen(trx, rig.accountId, [messageId])).toHaveLength(1);
    passing = rig.pass(second);
    await expect.poll(() => storesWaiting(rig)).toBe(1);
  });
  await passing;
  expect(await list(second)).toEqual([]);
  expect(await subjects()).toEqual(['both late_contact']);
});

async function storesWaiting({ db }: SyncRig): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into log_item%'`.execute(
    db,
  );
  return rows[0]!.n;
}
