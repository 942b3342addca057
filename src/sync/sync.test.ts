import { beforeEach, afterEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { htmlOf } from '../log/html-of.ts';
import { updateContact } from '../contacts/save.ts';
import { deleteContact } from '../contacts/delete.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';
const hours = 3_600_000;

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
});
afterEach(() => checkInvariants(database.db));

const box = (address = me) => rig.server.mailboxes.get(address)!;
const rowsOf = (connectionId: string) =>
  rig.db.selectFrom('sighting').selectAll().where('connection_id', '=', connectionId).orderBy('id').execute();

describe('a message', () => {
  test('to and from a contact is in the log, and what the contact sends fires', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: `Anna <${anna}>`, to: me, subject: 'in' }));
    box().append('Sent', mail({ from: me, to: anna, subject: 'out' }));
    box().append('INBOX', mail({ from: 'boss@acme.example', to: [me, anna], subject: 'copied' }));
    box().append('INBOX', mail({ from: 'stranger@elsewhere.example', to: me, subject: 'none' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | copied | live | copied`,
      `${anna} | in | live | received`,
      `${anna} | out | live | sent`,
    ]);
    expect(await rig.fired()).toEqual([`${anna} | in`]);
    expect(await rig.ledger()).toEqual([
      'INBOX: logged contact',
      'INBOX: logged contact',
      'INBOX: skipped no_contact',
      'Sent: logged contact',
    ]);
    // A stranger's mail leaves neither text nor raw form.
    expect(rig.blobs.kept.size).toBe(3);
  });

  test('has its own text and HTML, whatever is in them and in the others of its page', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const texts = ['{"a","b"}', 'NULL', 'back\\slash "quoted", \\"both\\"', "it's \u00fc\ud83d\ude00", 'plain'];
    for (const [i, text] of texts.entries()) {
      const html = i === 4 ? {} : { html: `<p>${text} in HTML</p>` };
      box().append('INBOX', mail({ from: anna, to: me, subject: `m${i}`, text, ...html }));
    }
    await rig.pass(id);
    const stored = await rig.db
      .selectFrom('message')
      .select(['text', 'has_html as hasHtml', 'raw'])
      .where('account_id', '=', rig.accountId)
      .orderBy('subject')
      .execute();
    expect(stored.map((message) => message.text)).toEqual(texts);
    for (const [i, { hasHtml, raw }] of stored.entries()) {
      const { html } = await htmlOf(rig.deps, { accountId: rig.accountId, raw, owner: me });
      expect(hasHtml).toBe(i !== 4);
      if (i === 4) expect(html).toBeNull();
      else expect(html).toContain(`${texts[i]} in HTML`);
    }
  });

  test('edge case 6: in the mailboxes of two colleagues is one log item that names both, and fires once', async () => {
    await rig.addContact(anna);
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague)];
    const text = mail({ from: anna, to: [me, colleague], subject: 'both' });
    box(me).append('INBOX', text);
    box(colleague).append('INBOX', text);
    await Promise.all([rig.pass(mine), rig.pass(theirs)]);
    expect(await rig.log()).toEqual([`${anna} | both | live | received`]);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    const rows = [...(await rowsOf(mine)), ...(await rowsOf(theirs))];
    expect(rows.map((row) => row.state)).toEqual(['logged', 'logged']);
    expect(new Set(rows.map((row) => row.message_id)).size).toBe(1);
  });

  test('edge case 8: that is moved to another chosen folder is nothing new', async () => {
    await rig.addContact(anna);
    box().createFolder('Archive', { role: 'archive' });
    const id = await rig.connect(me, ['INBOX', 'Archive']);
    const place = box().append('INBOX', mail({ from: anna, to: me, subject: 'moved' }));
    await rig.pass(id);
    box().move(place, 'Archive');
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | moved | live | received`]);
    expect(await rig.fired()).toHaveLength(1);
    const [old, moved] = await rowsOf(id);
    expect(old!.vanished_at).not.toBeNull();
    expect(moved!.state).toBe('logged');
    expect(moved!.message_id).toBe(old!.message_id);
  });

  test('edge case 22: from several senders goes to each of them, and each fires', async () => {
    const other = 'otto@customer.example';
    await rig.addContact(anna);
    await rig.addContact(other);
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: `${anna}, Otto <${other}>`, to: me, subject: 'two' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | two | live | received`, `${other} | two | live | received`]);
    expect(await rig.fired()).toEqual([`${anna} | two`, `${other} | two`]);
  });

  test('edge case 7: without a Message-ID is not lost, and one with a reused Message-ID hides nothing', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const date = new Date('2026-03-01T10:00:00Z');
    for (const subject of ['one', 'two']) {
      box().append('INBOX', mail({ from: anna, to: me, subject, messageId: null, date }), { receivedAt: new Date() });
    }
    box().append('INBOX', mail({ from: anna, to: me, subject: 'three', messageId: 'same@x' }));
    box().append('INBOX', mail({ from: 'forger@x.example', to: [me, anna], subject: 'four', messageId: 'same@x' }));
    await rig.pass(id);
    expect((await rig.log()).map((line) => line.split(' | ')[1])).toEqual(['four', 'one', 'three', 'two']);
  });

  test('edge case 22: with 10,000 recipients is stored whole', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const recipients = Array.from({ length: 10_000 }, (_, i) => `person${i}@many.example`);
    recipients[7000] = anna;
    box().append('INBOX', mail({ from: 'list@many.example', to: recipients, subject: 'many' }));
    box().append(
      'INBOX',
      mail({ from: 'list@many.example', to: recipients.filter((one) => one !== anna), subject: 'strangers' }),
    );
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | many | live | copied`]);
    const { n } = await rig.db
      .selectFrom('message_participant')
      .where('account_id', '=', rig.accountId)
      .select((eb) => eb.fn.countAll<string>().as('n'))
      .executeTakeFirstOrThrow();
    expect(Number(n)).toBe(10_001);
    await rig.addContact('person9999@many.example');
    await rig.pass(id);
    expect(await rig.log()).toContain('person9999@many.example | strangers | late_contact | copied');
  });

  test('edge case 22: whose Bcc names a contact is logged through the copy that carries it', async () => {
    await rig.addContact(anna);
    await rig.addContact('bcc@customer.example');
    const id = await rig.connect(me);
    const text = { from: me, to: anna, subject: 'blind', messageId: 'blind@x' };
    box().append('INBOX', mail(text));
    await rig.pass(id);
    box().append('Sent', mail({ ...text, bcc: 'bcc@customer.example' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | blind | live | sent`, 'bcc@customer.example | blind | live | sent']);
    const bcc = await rig.db.selectFrom('message_participant').selectAll().where('role', '=', 'bcc').execute();
    expect(bcc.map((row) => [row.address, row.connection_id])).toEqual([['bcc@customer.example', id]]);
  });
});

describe('what is old', () => {
  test('lay in the mailbox before the start and has no row, or arrived too long before it and is skipped', async () => {
    await rig.addContact(anna);
    const old = box().append('INBOX', mail({ from: anna, to: me, subject: 'old' }), {
      receivedAt: new Date(Date.now() - 2 * hours),
    });
    const id = await rig.connect(me);
    await rig.pass(id);
    expect(await rowsOf(id)).toEqual([]);
    box().move(old, 'Sent');
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['Sent: skipped before_start']);
    expect(await rig.log()).toEqual([]);
  });

  test('in a folder ticked later is caught up from the start and fires nothing; what comes after fires', async () => {
    await rig.addContact(anna);
    box().createFolder('Projects');
    box().append('Projects', mail({ from: anna, to: me, subject: 'before' }));
    const id = await rig.connect(me);
    box().append('Projects', mail({ from: anna, to: me, subject: 'between' }));
    await rig.choose(id, ['INBOX', 'Projects']);
    box().append('Projects', mail({ from: anna, to: me, subject: 'after' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | after | live | received`,
      `${anna} | between | late_folder | received`,
    ]);
    expect(await rig.fired()).toEqual([`${anna} | after`]);
  });

  test('was moved here from another server: it is logged at its date and fires nothing', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const date = new Date(Date.now() - 30 * 24 * hours);
    const received = `Received: from a by b; ${date.toUTCString().replace('GMT', '+0000')}`;
    box().append('INBOX', mail({ from: anna, to: me, subject: 'migrated', date, headers: [received] }));
    box().append(
      'INBOX',
      mail({
        from: anna,
        to: me,
        subject: 'wrong clock',
        date,
        headers: [`Received: from a by b; ${new Date().toUTCString()}`],
      }),
    );
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | migrated | migrated | received`,
      `${anna} | wrong clock | live | received`,
    ]);
    expect(await rig.fired()).toEqual([`${anna} | wrong clock`]);
    const item = await rig.db
      .selectFrom('log_item')
      .select('at')
      .where('account_id', '=', rig.accountId)
      .where('class', '=', 'migrated')
      .executeTakeFirstOrThrow();
    expect(Math.abs(item.at.getTime() - date.getTime())).toBeLessThan(1000);
  });

  test('lies in a folder made after the start: all that arrived since is new', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    box().createFolder('New');
    box().append('New', mail({ from: anna, to: me, subject: 'older' }), {
      receivedAt: new Date(Date.now() - 2 * hours),
    });
    for (let i = 0; i < 7; i += 1) box().append('New', mail({ from: anna, to: me, subject: `new ${i}` }));
    await rig.pass(id);
    await rig.choose(id, ['INBOX', 'New']);
    await rig.pass(id);
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(7);
  });

  test('edge case 13: drafts are never logged', async () => {
    await rig.addContact(anna);
    box().createFolder('Drafts', { role: 'drafts' });
    const id = await rig.connect(me, ['INBOX', 'Drafts', 'Sent']);
    const text = { from: me, to: anna, subject: 'draft', messageId: 'd@x' };
    box().append('Drafts', mail(text));
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    box().append('Sent', mail(text));
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | draft | live | sent`]);
  });
});

describe('a contact added later', () => {
  test('edge case 22: finds the mail since the start, through hashes alone, and nothing fires', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'early' }));
    box().append('Sent', mail({ from: me, to: `other@x.example, ${anna.toUpperCase()}`, subject: 'answer' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    await rig.addContact(anna);
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | answer | late_contact | sent`,
      `${anna} | early | late_contact | received`,
    ]);
    expect(await rig.fired()).toEqual([]);
  });

  test('gets at once what is stored because of somebody else', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: [me, 'late@x.example'], subject: 'shared' }));
    await rig.pass(id);
    await rig.addContact('late@x.example');
    expect(await rig.log()).toEqual([
      `${anna} | shared | live | received`,
      'late@x.example | shared | late_contact | copied',
    ]);
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(2);
    expect(await rig.fired()).toHaveLength(1);
  });

  test('finds nothing of a message that a second mailbox shows later as new', async () => {
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague)];
    const text = mail({ from: anna, to: [me, colleague], subject: 'twice' });
    box(me).append('INBOX', text);
    await rig.pass(mine);
    await rig.addContact(anna);
    box(colleague).append('INBOX', text);
    await rig.pass(theirs);
    await rig.pass(mine);
    expect(await rig.log()).toEqual([`${anna} | twice | late_contact | received`]);
    expect(await rig.fired()).toEqual([]);
  });

  test('with a further address finds that mail too; deleted and added again it fires nothing again', async () => {
    const contactId = await rig.addContact(anna);
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'first' }));
    box().append('INBOX', mail({ from: 'anna@home.example', to: me, subject: 'second' }));
    await rig.pass(id);
    await updateContact(rig.db, rig.contactDeps, rig.viewers[0]!, contactId, {
      addresses: [anna, 'anna@home.example'],
    });
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | first | live | received`,
      `${anna} | second | late_contact | received`,
    ]);
    await deleteContact(rig.db, rig.contactDeps, rig.accountId, contactId);
    expect(await rig.log()).toEqual([]);
    await rig.addContact(anna);
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | first | late_contact | received`]);
    const firings = await rig.db.selectFrom('firing').selectAll().where('account_id', '=', rig.accountId).execute();
    expect(firings).toHaveLength(1);
  });
});

test('edge case 22: own addresses never match, even when a contact has one', async () => {
  await rig.addContact(colleague);
  await rig.addContact(anna);
  const id = await rig.connect(me);
  await rig.connect(colleague);
  box().append('INBOX', mail({ from: colleague, to: me, subject: 'internal' }));
  box().append('INBOX', mail({ from: anna, to: [me, colleague], subject: 'from anna' }));
  await rig.pass(id);
  expect(await rig.log()).toEqual([`${anna} | from anna | live | received`]);
  expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: skipped own_addresses_only']);
});

describe('a new epoch', () => {
  test('edge case 1: logs nothing twice, and what is truly new once', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    for (let i = 0; i < 7; i += 1) box().append('INBOX', mail({ from: anna, to: me, subject: `known ${i}` }));
    box().append('INBOX', mail({ from: 'stranger@x.example', to: me, subject: 'skipped' }));
    await rig.pass(id);
    box().renewEpoch('INBOX');
    box().append('INBOX', mail({ from: anna, to: me, subject: 'new' }));
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(8);
    expect(await rig.fired()).toHaveLength(8);
    const rows = await rowsOf(id);
    expect(rows.filter((row) => row.superseded_at === null)).toHaveLength(9);
    expect(rows.filter((row) => row.superseded_at !== null)).toHaveLength(8);
  });

  test('finds again what had been skipped as no contact', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'once' }));
    await rig.pass(id);
    box().renewEpoch('INBOX');
    await rig.addContact(anna);
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | once | late_contact | received`]);
  });
});
