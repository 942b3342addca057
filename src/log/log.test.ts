import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { insertConnection, insertContact, insertMail, makeTeam, sealer } from '../../test/fixtures/records.ts';
import type { TestConnection } from '../../test/fixtures/records.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { accountKey } from '../accounts/account-key.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { keyedHash } from '../mail/hash.ts';
import { parseMessage } from '../mail/parse-message.ts';
import { openPart } from '../mail/part.ts';
import { listLog } from './query.ts';
import { openAttachment, readLogItem } from './read.ts';
import { whyLogItem, whyMessage } from './why.ts';

const address = 'grace@navy.example';
let database: TestDatabase;
let db: Db;
let accountId: string;
let owner: Viewer;
let admin: Viewer;
let colleague: Viewer;
let stranger: Viewer;
let shared: TestConnection;
let hidden: TestConnection;
let contactId: string;
let contacts: { id: string; address: string }[];
const raws = new Map<string, string>();
const reading = {
  parser: { parse: parseMessage },
  blobs: { open: async (_account: string, key: string) => Readable.from([Buffer.from(raws.get(key)!)]) },
};

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  const team = await makeTeam(db, ['member', 'admin', 'member']);
  accountId = team.accountId;
  [owner, admin, colleague] = team.viewers as [Viewer, Viewer, Viewer];
  stranger = (await makeTeam(db)).viewers[0]!;
  shared = await insertConnection(db, owner);
  hidden = await insertConnection(db, colleague, { sharing: 'private' });
  contactId = await insertContact(db, accountId);
  contacts = [{ id: contactId, address }];
});

describe("a contact's log", () => {
  test('comes newest first, page by page, and nothing moves when more arrives meanwhile', async () => {
    const at = new Date('2026-03-01T10:00:00Z');
    for (let i = 0; i < 12; i++) {
      // Many at the same instant: the id decides.
      await insertMail(db, accountId, {
        in: [shared],
        contacts,
        at: new Date(at.getTime() + Math.floor(i / 4) * 1000),
      });
    }
    const whole = (await listLog(db, owner, contactId, { limit: 100 })).items.map((item) => item.id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listLog(db, owner, contactId, { limit: 5, cursor });
      seen.push(...page.items.map((item) => item.id));
      cursor = page.nextCursor ?? undefined;
      await insertMail(db, accountId, { in: [shared], contacts, at: new Date() });
    } while (cursor);
    expect(seen).toEqual(whole);
    expect(whole).toHaveLength(12);
  });

  test('pages over what is hidden without a gap', async () => {
    for (let i = 0; i < 9; i++) {
      const at = new Date(Date.UTC(2026, 0, 1 + i));
      await insertMail(db, accountId, { in: [i % 3 === 0 ? shared : hidden], contacts, at });
    }
    const first = await listLog(db, admin, contactId, { limit: 2 });
    const second = await listLog(db, admin, contactId, { limit: 2, cursor: first.nextCursor! });
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null]);
  });

  test('says of each line what it is, and names the mailboxes that may be named', async () => {
    await insertMail(db, accountId, {
      from: address,
      to: [shared.address, 'third@party.example'],
      in: [shared],
      contacts,
      subject: 'Offer',
      at: new Date('2026-03-01T10:00:00Z'),
    });
    const task = {
      account_id: accountId,
      contact_id: contactId,
      subject: 'Call',
      due_at: new Date('2026-03-03T00:00:00Z'),
    };
    const { id: taskId } = await db.insertInto('task').values(task).returning('id').executeTakeFirstOrThrow();
    const line = {
      account_id: accountId,
      contact_id: contactId,
      at: new Date('2026-03-02T00:00:00Z'),
      task_id: taskId,
    };
    await db
      .insertInto('log_item')
      .values({ ...line, kind: 'task', actor_id: admin.userId })
      .execute();
    const { items } = await listLog(db, colleague, contactId, { limit: 10 });
    expect(items).toMatchObject([
      {
        kind: 'task',
        message: null,
        mailboxes: [],
        sender: 'none',
        task: { id: taskId, subject: 'Call', state: 'pending', dueAt: task.due_at },
        actor: { id: admin.userId, name: 'User 1' },
      },
      {
        kind: 'email_sync',
        direction: 'received',
        class: 'live',
        matchedAddress: address,
        message: {
          subject: 'Offer',
          from: { name: '', address },
          to: [{ address: shared.address }, { address: 'third@party.example' }],
          hasAttachments: false,
        },
        mailboxes: [
          {
            connectionId: shared.id,
            address: shared.address,
            owner: { id: owner.userId, name: 'User 0' },
            sender: null,
          },
        ],
        sender: 'none',
      },
    ]);
  });
});

describe('reading a log item', () => {
  test('gives the whole message, and its Bcc to the owner of the copy that carries it', async () => {
    const received = await insertConnection(db, colleague);
    const { itemIds } = await insertMail(db, accountId, {
      from: shared.address,
      to: [address, received.address],
      cc: ['cc@party.example'],
      bcc: [{ connection: shared, address: 'secret@party.example' }],
      in: [shared, received],
      contacts: [{ id: contactId, address, role: 'to' }],
    });
    const whole = await readLogItem(db, reading, owner, itemIds[0]!);
    expect(whole.message).toMatchObject({
      text: 'Hello there, this is all.',
      cc: [{ address: 'cc@party.example' }],
      bcc: [{ address: 'secret@party.example' }],
      size: 100,
      attachments: [],
    });
    for (const viewer of [colleague, admin]) {
      const seen = await readLogItem(db, reading, viewer, itemIds[0]!);
      expect(seen.message!.bcc).toEqual([]);
      expect(JSON.stringify(seen)).not.toContain('secret@party.example');
    }
  });

  test('takes the HTML out of the raw message, and shows the rest where that is gone', async () => {
    raws.set('with HTML', mail({ from: address, to: shared.address, text: 'Hi', html: '<p>Hi <b>you</b></p>' }));
    const [id] = (await insertMail(db, accountId, { in: [shared], contacts, raw: 'with HTML' })).itemIds;
    expect((await readLogItem(db, reading, owner, id!)).message).toMatchObject({
      html: '<p>Hi <b>you</b></p>',
      defects: [],
    });
    raws.delete('with HTML');
    expect((await readLogItem(db, reading, owner, id!)).message).toMatchObject({
      html: null,
      text: 'Hello there, this is all.',
      defects: ['Its HTML can not be read now. This is its text.'],
    });
  });

  test('is refused as if there were none where a copy is private, to admins too, and to other accounts', async () => {
    const { itemIds } = await insertMail(db, accountId, { in: [shared, hidden], contacts });
    await readLogItem(db, reading, owner, itemIds[0]!);
    await readLogItem(db, reading, colleague, itemIds[0]!);
    for (const viewer of [admin, stranger]) {
      await expect(readLogItem(db, reading, viewer, itemIds[0]!)).rejects.toMatchObject({ code: 'not_found' });
      await expect(whyLogItem(db, viewer, itemIds[0]!)).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(listLog(db, stranger, contactId, { limit: 5 })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is refused as soon as its contact is being deleted', async () => {
    const contact = await insertContact(db, accountId);
    const { itemIds } = await insertMail(db, accountId, {
      in: [shared],
      contacts: [{ id: contact, address: 'a@x.example' }],
    });
    await db.updateTable('contact').set({ deleted_at: new Date() }).where('id', '=', contact).execute();
    for (const read of [readLogItem(db, reading, owner, itemIds[0]!), whyLogItem(db, owner, itemIds[0]!)])
      await expect(read).rejects.toMatchObject({ code: 'not_found' });
  });

  test('streams an attachment to whoever may see the item, and to nobody else', async () => {
    const content = Buffer.from('%PDF-1.7 as it was sent');
    const raw = mail({
      from: address,
      to: hidden.address,
      attachments: [{ filename: 'a.pdf', contentType: 'application/pdf', content }],
    });
    const { itemIds, messageId } = await insertMail(db, accountId, { in: [hidden], contacts, raw: 'key' });
    await db
      .insertInto('attachment')
      .values({
        account_id: accountId,
        message_id: messageId,
        part: '2',
        filename: 'a.pdf',
        content_type: 'application/pdf',
        size: content.length,
      })
      .execute();
    let opened = 0;
    const deps = { openPart, blobs: { open: async () => ((opened += 1), Readable.from([Buffer.from(raw)])) } };
    const got = await openAttachment(db, deps, colleague, itemIds[0]!, '2');
    expect(got.attachment).toMatchObject({ filename: 'a.pdf', contentType: 'application/pdf', size: content.length });
    expect(await text(got.body)).toBe(content.toString());
    for (const viewer of [owner, admin, stranger]) {
      await expect(openAttachment(db, deps, viewer, itemIds[0]!, '2')).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(openAttachment(db, deps, colleague, itemIds[0]!, '3')).rejects.toMatchObject({ code: 'not_found' });
    expect(opened).toBe(1);
    expect((await listLog(db, colleague, contactId, { limit: 1 })).items[0]!.message).toMatchObject({
      attachmentCount: 1,
    });
  });
});

describe('the header', () => {
  const delivered: [string, string][] = [
    ['Delivered-To', 'somebody@mailbox.example'],
    ['Received', 'from mx by host for <somebody@mailbox.example>; Mon, 2 Mar 2026 10:00:00 +0000'],
    ['Subject', 'Hello'],
    ['X-Mailer', 'Post'],
  ];
  const names = async (viewer: Viewer, id: string) =>
    (await readLogItem(db, reading, viewer, id)).message!.headers.map(([name]) => name);

  async function withHeader(connections: TestConnection[]) {
    const { itemIds, messageId } = await insertMail(db, accountId, { in: connections, contacts });
    await db
      .updateTable('message')
      .set({ headers: JSON.stringify(delivered) })
      .where('id', '=', messageId)
      .execute();
    return itemIds[0]!;
  }

  test('says where it was delivered only to who may know all mailboxes that hold it', async () => {
    const both = await withHeader([shared, hidden]);
    expect(await names(owner, both)).toEqual(['Subject', 'X-Mailer']);
    expect(await names(colleague, both)).toHaveLength(4);
    expect(await names(admin, await withHeader([shared]))).toHaveLength(4);
  });
});

describe('why', () => {
  const messageId = 'offer.1@navy.example';

  async function see(connection: TestConnection, change: { rule: string; error?: string }) {
    const key = await accountKey(db, sealer, accountId);
    const { id } = await db
      .insertInto('sighting')
      .values({
        account_id: accountId,
        connection_id: connection.id,
        folder_id: connection.folderId,
        epoch: '1',
        ref: `${Math.random()}`,
        state: change.error ? 'quarantined' : 'skipped',
        internet_message_id_hash: keyedHash(key, messageId),
        ...change,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return id;
  }
  const why = async (viewer: Viewer, id = messageId) =>
    whyMessage(db, await accountKey(db, sealer, viewer.accountId), viewer, id);

  test('a stranger’s mail is not here: the rule, when, and every decision, by its Message-ID with or without brackets', async () => {
    const id = await see(shared, { rule: 'no_contact' });
    for (const asked of [messageId, `<${messageId}>`, ` <${messageId}> `]) {
      const { sightings, explanation } = await why(owner, asked);
      expect(sightings).toMatchObject([
        {
          id,
          mailbox: { connectionId: shared.id, address: shared.address },
          folder: 'INBOX',
          state: 'skipped',
          rule: 'no_contact',
          decisions: [{ state: 'skipped', rule: 'no_contact', at: expect.any(Date) }],
          logItemIds: [],
        },
      ]);
      expect(sightings[0]!.explanation).toMatch(/contact/);
      expect(explanation).toMatch(/^It was seen in one folder, but isn't in the log\./);
    }
    await db.updateTable('sighting').set({ rule: 'excluded', decided_at: new Date() }).where('id', '=', id).execute();
    expect((await why(owner)).sightings[0]!.decisions.map(({ rule }) => rule)).toEqual(['no_contact', 'excluded']);
  });

  test('members are told about their own mailboxes; admins also the folder, time, rule and decision of others', async () => {
    await see(shared, { rule: 'fetch_failed', error: 'The server said: quota of Jane' });
    await see(hidden, { rule: 'no_contact' });
    expect((await why(owner)).sightings.map((one) => [one.mailbox?.address, one.error])).toEqual([
      [shared.address, 'The server said: quota of Jane'],
    ]);
    expect((await why(colleague)).sightings.map((one) => one.mailbox?.address)).toEqual([hidden.address]);
    const seen = await why(admin);
    expect(seen.sightings).toMatchObject([
      { mailbox: { address: shared.address }, folder: 'INBOX', rule: 'fetch_failed', error: null },
      { mailbox: null, folder: 'INBOX', rule: 'no_contact' },
    ]);
    expect(JSON.stringify(seen)).not.toContain(hidden.address);
    expect((await why(stranger)).sightings).toEqual([]);
  });

  test('a mail that nobody listed is explained too', async () => {
    const startedAt = new Date('2026-11-26T23:30:00Z');
    await db.updateTable('connection').set({ started_at: startedAt }).where('id', '=', shared.id).execute();
    expect((await why({ ...owner, zone: 'Europe/Berlin' }, 'never@seen.example')).explanation).toMatch(
      /^No mailbox that you connected has listed a message with this Message-ID since 27 Nov 2026\./,
    );
    expect((await why(admin, 'never@seen.example')).explanation).toMatch(/^No mailbox connected here has listed/);
    expect((await why(stranger, 'never@seen.example')).explanation).toMatch(/no mailbox connected here yet/);
  });

  test('a log item is here: through every own mailbox that holds it, with the items that the viewer may see', async () => {
    const { itemIds, sightingIds } = await insertMail(db, accountId, {
      in: [shared],
      contacts,
      internetMessageId: messageId,
    });
    const own = await whyLogItem(db, owner, itemIds[0]!);
    expect(own).toMatchObject({
      messageId,
      sightings: [{ id: sightingIds[0], state: 'logged', logItemIds: itemIds, class: 'live' }],
    });
    const others = await whyLogItem(db, colleague, itemIds[0]!);
    expect(others.sightings).toEqual([]);
    expect(others.explanation).toContain(shared.address);
    expect((await whyLogItem(db, admin, itemIds[0]!)).sightings).toHaveLength(1);
  });

  test('names no log item that the viewer may not see', async () => {
    const key = await accountKey(db, sealer, accountId);
    const { sightingIds } = await insertMail(db, accountId, { in: [hidden], contacts, internetMessageId: messageId });
    await db
      .updateTable('sighting')
      .set({ internet_message_id_hash: keyedHash(key, messageId) })
      .where('id', '=', sightingIds[0]!)
      .execute();
    expect((await why(admin)).sightings).toMatchObject([{ mailbox: null, state: 'logged', logItemIds: [] }]);
    expect((await why(colleague)).sightings[0]!.logItemIds).toHaveLength(1);
  });
});
