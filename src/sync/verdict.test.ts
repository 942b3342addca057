import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { line, publishLine } from '../../test/fixtures/automation.ts';
import { mail } from '../../test/fixtures/mail.ts';
import { noJobs, syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { editMap } from '../automations/edit-map.ts';
import { publishMap } from '../automations/publish.ts';
import { noteLearned, setSenderCheck } from '../connections/sender-check.ts';
import { viewConnection } from '../connections/view.ts';
import { listLog } from '../log/query.ts';
import { whyLogItem } from '../log/why.ts';
import { claim } from './claim.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';
const days = 86_400_000;

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
});
afterEach(() => checkInvariants(database.db));

const box = (address = me) => rig.server.mailboxes.get(address)!;
const server = 'mx.acme.example';
const received = `Received: from out.example (out.example [192.0.2.7]) by ${server} (Postfix) with ESMTPS; Mon, 1 Jun 2026 10:00:00 +0000`;
const results = (result: 'pass' | 'fail', from = 'customer.example', id = server) =>
  `Authentication-Results: ${id}; spf=${result} smtp.mailfrom=${from}; dmarc=${result} header.from=${from}`;

/** Mail as a server that checks senders (or none does) leaves it in an inbox. */
function past(address: string, checks: boolean): void {
  for (let n = 0; n < 15; n += 1) {
    const from = `someone@sender${n}.example`;
    const headers = [received, ...(checks ? [results('pass', `sender${n}.example`)] : [])];
    box(address).append('INBOX', mail({ from, to: address, headers }), {
      receivedAt: new Date(Date.now() - (n + 1) * days),
    });
  }
}

/** A mailbox whose server checks senders, and of which that is known. */
async function checked(address = me): Promise<string> {
  past(address, true);
  const id = await rig.connect(address, ['INBOX'], rig.viewers[address === me ? 0 : 1]);
  await rig.pass(id);
  return id;
}

async function items(viewer = rig.viewers[0]!) {
  const contact = await rig.db
    .selectFrom('contact')
    .select('id')
    .where('account_id', '=', rig.accountId)
    .executeTakeFirstOrThrow();
  return (await listLog(rig.db, viewer, contact.id, { limit: 50 })).items;
}

const forgery = (extra: string[] = [], subject = 'pay at once') =>
  mail({ from: `Anna <${anna}>`, to: me, subject, headers: [received, ...extra] });

describe('edge case 23: mail whose sender failed the check', () => {
  test('is logged and labelled, fires nothing, and is explained', async () => {
    await rig.addContact(anna);
    const id = await checked();
    box().append('INBOX', forgery([results('fail'), results('pass')]));
    box().append('INBOX', mail({ from: anna, to: me, subject: 'true', headers: [received, results('pass')] }));
    box().append('INBOX', mail({ from: anna, to: me, subject: 'unknown', headers: [received] }));
    await rig.pass(id);
    expect(await rig.fired()).toEqual([`${anna} | true`, `${anna} | unknown`]);
    const logged = await items();
    expect(Object.fromEntries(logged.map((item) => [item.message!.subject, item.sender]))).toEqual({
      'pay at once': 'fail',
      true: 'pass',
      unknown: 'none',
    });
    const forged = logged.find((item) => item.message!.subject === 'pay at once')!;
    expect(forged.mailboxes[0]!.sender).toEqual({ verdict: 'fail', by: server, results: 'spf=fail, dmarc=fail' });
    const why = await whyLogItem(rig.db, rig.viewers[0]!, forged.id);
    expect(why.sightings[0]!.explanation).toContain('sender could not be confirmed');
    expect(why.sightings[0]!.sender).toMatchObject({ verdict: 'fail', by: server });
  });

  test('fires where the trigger says so', async () => {
    await rig.addContact(anna);
    const mapId = await publishLine(rig.db, noJobs, rig.viewers[0]!, [{ kind: 'change_lead_score', by: 5 }]);
    const graph = line([{ kind: 'change_lead_score', by: 5 }]);
    graph.elements[0] = { id: 'trigger', kind: 'email_received', alsoUnconfirmed: true };
    await editMap(rig.db, rig.viewers[0]!, mapId, { graph });
    await publishMap(rig.db, noJobs, rig.viewers[0]!, mapId);
    const id = await checked();
    box().append('INBOX', forgery([results('fail')]));
    await rig.pass(id);
    const firings = await rig.db
      .selectFrom('firing')
      .select('map_id')
      .where('account_id', '=', rig.accountId)
      .execute();
    expect(firings).toEqual([{ map_id: mapId }]);
  });

  test('fires once when another mailbox confirms it, and not when one only knows nothing', async () => {
    await rig.addContact(anna);
    const mine = await checked(me);
    past(colleague, false);
    const theirs = await rig.connect(colleague, ['INBOX', 'Sent'], rig.viewers[1]);
    await rig.pass(theirs);
    const as = (extra: string[]) =>
      mail({
        from: anna,
        to: [me, colleague],
        subject: 'both',
        messageId: 'both@customer.example',
        headers: [received, ...extra],
      });

    const place = box(me).append('INBOX', as([results('fail')]));
    await rig.pass(mine);
    box(colleague).append('INBOX', as([]));
    await rig.pass(theirs);
    expect(await rig.fired()).toEqual([]);
    expect((await items())[0]).toMatchObject({ sender: 'fail' });

    await setSenderCheck(rig.db, rig.viewers[1]!, theirs, { by: 'given', authservId: 'Filter.Vendor.example' });
    box(colleague).append('Sent', as([results('pass', 'customer.example', 'filter.vendor.example')]));
    await rig.pass(theirs);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    box(me).move(place, 'Sent');
    await rig.choose(mine, ['INBOX', 'Sent']);
    await rig.pass(mine);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    // Each mailbox's word is there; the worst one is the item's.
    const [item] = await items();
    expect(item!.sender).toBe('fail');
    expect(item!.mailboxes.map((mailbox) => mailbox.sender?.verdict)).toEqual(['fail', 'pass']);
  });

  test('fires in one page with a copy that is confirmed', async () => {
    await rig.addContact(anna);
    const id = await checked();
    const as = (extra: string[]) =>
      mail({
        from: anna,
        to: me,
        subject: 'twice',
        messageId: 'twice@customer.example',
        headers: [received, ...extra],
      });
    for (const extra of [[results('fail')], [], [results('pass')]]) box().append('INBOX', as(extra));
    await rig.pass(id);
    expect(await rig.fired()).toEqual([`${anna} | twice`]);
  });
});

describe('the name of the mailbox’s own server', () => {
  const authserv = async (id: string) => (await viewConnection(rig.db, rig.accountId, id)).senderCheck;

  const lookedLongAgo = async (id: string) =>
    await rig.db
      .updateTable('connection')
      .set({ authserv_looked_at: sql<Date>`now() - interval '13 hours'` })
      .where('id', '=', id)
      .execute();

  test('is found in the mail that was there before, before the first message is logged', async () => {
    expect(await authserv(await checked())).toEqual({ by: 'learned', authservId: server });
  });

  test('edge case 23: is never learned from a sender where the server writes nothing', async () => {
    await rig.addContact(anna);
    past(me, false);
    const id = await rig.connect(me);
    await rig.pass(id);
    for (let n = 0; n < 30; n += 1) {
      const from = `x@evil${n}.example`;
      const headers = [received, results('pass', `evil${n}.example`)];
      box().append('INBOX', mail({ from, to: me, headers }), { receivedAt: new Date() });
    }
    box().append('INBOX', forgery([results('pass')]));
    for (let looks = 1; looks <= 2; looks += 1) {
      await lookedLongAgo(id);
      await rig.pass(id);
    }
    expect(box().calls.past).toBe(3);
    expect(await authserv(id)).toEqual({ by: 'learned', authservId: null });
    expect((await items())[0]).toMatchObject({ sender: 'none' });
  });

  test('stays when mail under another name comes in', async () => {
    const id = await checked();
    for (let n = 0; n < 60; n += 1) {
      const headers = [received, results('pass', `evil${n}.example`, 'mx2.acme.example')];
      box().append('INBOX', mail({ from: `x@evil${n}.example`, to: me, headers }), {
        receivedAt: new Date(Date.now() - n * 1000),
      });
    }
    await rig.pass(id);
    expect(await authserv(id)).toEqual({ by: 'learned', authservId: server });
  });

  test('is looked for twice a day where the server writes nothing, and at once when a person asks', async () => {
    const id = await rig.connect(me);
    for (let i = 1; i <= 3; i += 1) await rig.pass(id);
    expect(box().calls.past).toBe(1);
    await lookedLongAgo(id);
    await rig.pass(id);
    expect(box().calls.past).toBe(2);
    await setSenderCheck(rig.db, rig.viewers[0]!, id, { by: 'learned' });
    await rig.pass(id);
    expect(box().calls.past).toBe(3);
  });

  test('is not taken from the mail of a server that the mailbox has left meanwhile', async () => {
    const id = await rig.connect(me);
    const { hold } = (await claim(rig.deps, rig.accountId, id))!;
    await rig.db
      .updateTable('connection')
      .set({ fence: sql<string>`fence + 1` })
      .where('id', '=', id)
      .execute();
    await noteLearned(rig.db, hold, 'mx.old.example');
    expect(await authserv(id)).toEqual({ by: 'learned', authservId: null });
  });

  test('is that of a known provider without looking', async () => {
    rig.deps.providers['memory']!.authserv = () => '*.messagingengine.example';
    const id = await rig.connect(me);
    await rig.pass(id);
    expect(await authserv(id)).toEqual({ by: 'learned', authservId: '*.messagingengine.example' });
    expect(box().calls.past ?? 0).toBe(0);
  });

  test('may be given by the owner and admins, forgotten, or not be asked at all', async () => {
    await rig.addContact(anna);
    const id = await checked();
    const [owner, admin] = [rig.viewers[0]!, rig.viewers[1]!];
    await setSenderCheck(rig.db, owner, id, { by: 'given', authservId: 'mx9.acme.example' });
    box().append('INBOX', forgery([results('fail')], 'other name'));
    await rig.pass(id);
    expect(await authserv(id)).toEqual({ by: 'given', authservId: 'mx9.acme.example' });
    await setSenderCheck(rig.db, { ...admin, role: 'admin' }, id, { by: 'learned' });
    await rig.pass(id);
    expect(await authserv(id)).toEqual({ by: 'learned', authservId: server });
    await setSenderCheck(rig.db, owner, id, { by: 'off' });
    box().append('INBOX', forgery([results('fail')], 'not asked'));
    await rig.pass(id);
    expect((await items()).map((item) => item.sender)).toEqual(['none', 'none']);
    expect(await rig.fired()).toEqual([`${anna} | not asked`, `${anna} | other name`]);
    await expect(
      setSenderCheck(rig.db, owner, id, { by: 'given', authservId: 'mx; dmarc=pass' }),
    ).rejects.toMatchObject({ code: 'invalid' });
    await expect(
      setSenderCheck(rig.db, { ...rig.viewers[2]!, role: 'member' }, id, { by: 'off' }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});
