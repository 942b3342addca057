import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';
const ofList = ['List-Id: Sailors <sailors.north.example>', 'Precedence: list'];

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database);
  for (const address of [me, colleague]) rig.server.mailbox(address).createFolder('Drafts', { role: 'drafts' });
});
afterEach(() => checkInvariants(database.db));

const box = (address = me) => rig.server.mailboxes.get(address)!;
const kinds = async () => {
  const { db, accountId } = rig;
  const messages = await db.selectFrom('message').select('kind').where('account_id', '=', accountId).execute();
  const sightings = await db
    .selectFrom('sighting')
    .select('kind')
    .where('account_id', '=', accountId)
    .orderBy('id')
    .execute();
  return { messages: messages.map(({ kind }) => kind), sightings: sightings.map(({ kind }) => kind) };
};

describe('edge case 23: a message that came through a list and directly', () => {
  const fields = { from: anna, to: [me, 'sailors@north.example'], subject: 'both', messageId: 'both@customer.example' };
  const direct = mail(fields);
  const fromList = mail({ ...fields, headers: ofList });

  test.each([
    ['the copy of the list comes first', [fromList], [direct]],
    ['the direct copy comes first', [direct], [fromList]],
    ['both come at once', [fromList, direct], []],
    ['a second copy of the list comes between', [fromList, fromList], [direct]],
  ])('fires once and is no mail of a list: %s', async (_, first, then) => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    for (const copy of first) box().append('INBOX', copy);
    await rig.pass(id);
    for (const copy of then) box().append('INBOX', copy);
    await rig.pass(id);
    await rig.pass(id);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    expect(await rig.log()).toEqual([`${anna} | both | live | received`]);
    expect((await kinds()).messages).toEqual(['personal']);
    expect((await kinds()).sightings).toEqual(
      [...first, ...then].map((copy) => (copy === direct ? 'personal' : 'list')),
    );
  });

  test('fires for the colleague who got it directly, also when both mailboxes are read at once', async () => {
    await rig.addContact(anna);
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague)];
    box(me).append('INBOX', fromList);
    box(colleague).append('INBOX', direct);
    await Promise.all([rig.pass(mine), rig.pass(theirs)]);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    expect((await kinds()).messages).toEqual(['personal']);
    expect((await kinds()).sightings.toSorted()).toEqual(['list', 'personal']);
  });

  test('fires nothing while only the list has brought it', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    box().append('INBOX', fromList);
    await rig.pass(id);
    expect(await rig.fired()).toEqual([]);
    expect(await kinds()).toEqual({ messages: ['list'], sightings: ['list'] });
  });

  test('stays an automatic reply in every copy', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const reply = { ...fields, messageId: 'away@customer.example' };
    box().append('INBOX', mail({ ...reply, headers: ['Auto-Submitted: auto-replied'] }));
    await rig.pass(id);
    box().append('INBOX', mail({ ...reply, headers: ['Auto-Submitted: auto-replied', ...ofList] }));
    await rig.pass(id);
    expect(await rig.fired()).toEqual([]);
    expect(await kinds()).toEqual({ messages: ['auto_reply'], sightings: ['auto_reply', 'auto_reply'] });
  });
});

describe('edge case 13:', () => {
  const draft = (headers: string[] = [], date = new Date()) =>
    mail({ from: me, to: anna, subject: 'offer', messageId: 'offer@acme.example', headers, date });

  test('a draft is not logged, and once it is sent it is logged as sent, once', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me, ['INBOX', 'Sent', 'Drafts']);
    const text = draft();
    const saved = box().append('Drafts', text, { flags: ['\\Draft', '\\Seen'] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    expect(await rig.ledger()).toEqual(['Drafts: skipped draft']);
    expect(rig.blobs.kept.size).toBe(0);
    box().delete(saved);
    box().append('Sent', text, { flags: ['\\Seen'] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | offer | live | sent`]);
    expect(await rig.ledger()).toEqual(['Sent: logged contact']);
  });

  test('every automatically saved state of a draft is passed over, whether the client flags it or not', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me, ['INBOX', 'Sent', 'Drafts']);
    const states = [1, 2, 3].map((minute) => draft(['X-Apple-Auto-Saved: 1'], new Date(Date.now() + minute * 1000)));
    for (const [i, state] of states.entries()) {
      const place = box().append('Drafts', state, { flags: i === 0 ? [] : ['\\Draft'] });
      await rig.pass(id);
      if (i < 2) box().delete(place);
    }
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    expect(await rig.ledger()).toEqual(['Drafts: skipped draft']);
    box().append('Sent', states[2]!);
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | offer | live | sent`]);
  });

  test('a draft that is moved to Sent with its flag is sent', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me, ['INBOX', 'Sent', 'Drafts']);
    const saved = box().append('Drafts', draft(), { flags: ['\\Draft'] });
    await rig.pass(id);
    box().move(saved, 'Sent');
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | offer | live | sent`]);
  });

  test('marks of a draft that a client leaves in what it sends hide nothing', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const marks = ['X-Apple-Auto-Saved: 1', 'X-Uniform-Type-Identifier: com.apple.mail-draft'];
    box().append('Sent', draft([...marks, 'X-Mozilla-Draft-Info: internal/draft; vcard=0']));
    box().append('INBOX', mail({ from: anna, to: me, subject: 'answer', headers: marks }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | answer | live | received`, `${anna} | offer | live | sent`]);
    expect(await rig.fired()).toEqual([`${anna} | answer`]);
  });

  test('a copy that the server keeps of what is sent and the one that the client puts beside it are one item', async () => {
    await rig.addContact(anna);
    const id = await rig.connect(me);
    const text = draft();
    box().append(
      'Sent',
      `Received: from client.acme.example by smtp.acme.example; ${new Date().toUTCString()}\r\n${text}`,
    );
    box().append('Sent', text, { flags: ['\\Seen'] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | offer | live | sent`]);
    expect(await rig.ledger()).toEqual(['Sent: logged contact', 'Sent: logged contact']);
  });
});
