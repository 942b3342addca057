import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { sealer } from '../../test/fixtures/records.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { deleteContact } from '../contacts/delete.ts';
import { contactDeps } from '../log/for-contacts.ts';
import { removeUnnamed } from '../log/remove-unnamed.ts';
import { ProviderError } from '../providers/provider.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { Fenced } from './hold.ts';
import { syncStream } from './sync-stream.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 4 });
  rig.server.mailbox(me);
  await rig.addContact(anna);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const deliver = (subject: string, from = anna) => box().append('INBOX', mail({ from, to: me, subject }));
const subjects = async () => (await rig.log()).map((line) => line.split(' | ')[1]);
const rows = () =>
  rig.db.selectFrom('sighting').selectAll().where('account_id', '=', rig.accountId).orderBy('id').execute();
const transient = (message = 'The connection broke.') => new ProviderError('transient', message);

describe('a process that lost the connection', () => {
  test('commits nothing, not even the page that it was about to commit', async () => {
    const id = await rig.connect(me);
    for (let i = 0; i < 6; i += 1) deliver(`m${i}`);
    const old = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(old.connection.settings, old.connection.credentials);
    await claim(rig.deps, rig.accountId, id);
    await expect(syncStream(old.hold, mailbox, 'INBOX', new Suspects())).rejects.toThrow(Fenced);
    expect(await rows()).toEqual([]);
    await rig.pass(id);
    expect(await rows()).toHaveLength(6);
  });

  test('commits nothing after a pause', async () => {
    const id = await rig.connect(me);
    deliver('one');
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    await rig.db.updateTable('connection').set({ state: 'paused' }).where('id', '=', id).execute();
    await expect(syncStream(hold, mailbox, 'INBOX', new Suspects())).rejects.toThrow(Fenced);
    expect(await rows()).toEqual([]);
  });

  test('commits nothing once the cursor was moved by somebody else', async () => {
    const id = await rig.connect(me);
    for (let i = 0; i < 3; i += 1) deliver(`m${i}`);
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    // So long that both have read the cursor before either moves it.
    box().latency = 300;
    const [first, second] = await Promise.allSettled([
      syncStream(hold, mailbox, 'INBOX', new Suspects()),
      syncStream(hold, mailbox, 'INBOX', new Suspects()),
    ]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect(await rows()).toHaveLength(3);
  });
});

test('a copy that can not be fetched takes nothing from the copy that could', async () => {
  rig = await syncRig(database, { pageSize: 1 });
  const mailbox = rig.server.mailbox(me);
  await rig.addContact(anna);
  const id = await rig.connect(me);
  deliver('first');
  const raw = mail({ from: anna, to: me, subject: 'twice' });
  box().append('INBOX', raw);
  const second = box().append('INBOX', raw);
  mailbox.fail('message', new ProviderError('protocol', 'no'), { place: second });
  // While the first one is being committed, both copies are fetched.
  rig.deps.storing = async (_piece, work) => {
    if (mailbox.calls.fetch) await expect.poll(() => mailbox.calls.fetch).toBeGreaterThanOrEqual(3);
    return work();
  };
  await rig.pass(id);
  expect((await rows()).map((row) => row.state)).toEqual(['logged', 'logged', 'logged']);
});

describe('an erasure', () => {
  const oneBlob = async (text?: string) => {
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'one', text }));
    await rig.pass(id);
    expect(rig.blobs.kept.size).toBe(1);
    const contact = await rig.db.selectFrom('contact').select('id').where('account_id', '=', rig.accountId).execute();
    return { id, contactId: contact[0]!.id };
  };

  test.each([
    ['packed', 10],
    // It is kept by itself, under the hash of its bytes: the same again.
    ['large', 1_200_000],
  ])('removes no raw message (%s) that was logged again before it came to that', async (_, length) => {
    const { id, contactId } = await oneBlob('x'.repeat(length));
    const keys: string[] = [];
    const later = { remove: async (_account: string, some: readonly string[]) => void keys.push(...some) };
    await deleteContact(rig.db, contactDeps({ sealer, blobs: later }), rig.accountId, contactId);
    expect(keys).toHaveLength(1);
    await rig.addContact(anna);
    await rig.pass(id);
    await removeUnnamed(rig.db, rig.blobs, rig.accountId, keys);
    expect(await subjects()).toEqual(['one']);
    expect(rig.blobs.kept.size).toBe(1);
  });

  test('that removes a raw message just before it is logged again has it fetched anew', async () => {
    const { id, contactId } = await oneBlob();
    await deleteContact(rig.db, rig.contactDeps, rig.accountId, contactId);
    expect(rig.blobs.kept.size).toBe(0);
    await rig.addContact(anna);
    let removing = true;
    rig.deps.storing = async (_piece, work) => {
      if (removing) rig.blobs.kept.clear();
      return work();
    };
    await expect(rig.pass(id)).rejects.toThrow();
    expect(await subjects()).toEqual([]);
    removing = false;
    await rig.pass(id);
    expect(await subjects()).toEqual(['one']);
    expect(rig.blobs.kept.size).toBe(1);
  });
});

describe('a crash', () => {
  test('edge case 6: between fetch and commit, or in the middle of the commit, loses nothing and repeats nothing', async () => {
    const id = await rig.connect(me);
    for (let i = 0; i < 10; i += 1) deliver(`m${i}`);
    const { fire } = rig.deps;
    let calls = 0;
    rig.deps.fire = async (trx, ...rest) => {
      calls += 1;
      // The second page: everything else of it is written by then.
      if (calls === 2) throw new Error('crash');
      return await fire(trx, ...rest);
    };
    await expect(rig.pass(id)).rejects.toThrow('crash');
    expect(await rows()).toHaveLength(4);
    await checkInvariants(database.db);
    rig.deps.fire = fire;
    await rig.pass(id);
    expect(await rows()).toHaveLength(10);
    expect(await rig.log()).toHaveLength(10);
    expect(await rig.fired()).toHaveLength(10);
  });

  test('in the middle of fetching bodies keeps the pages before', async () => {
    const id = await rig.connect(me);
    const places = Array.from({ length: 10 }, (_, i) => deliver(`m${i}`));
    rig.deps.providers = { memory: breakingAt(rig, places[6]!.ref, 1) };
    await expect(rig.pass(id)).rejects.toThrow('broke');
    expect(await rows()).toHaveLength(4);
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(10);
  });
});

describe('quarantine', () => {
  test('holds what the server does not give, blocks nothing else, and recovers as live', async () => {
    const id = await rig.connect(me);
    const place = deliver('difficult');
    for (let i = 0; i < 5; i += 1) deliver(`m${i}`);
    box().fail('message', new ProviderError('protocol', 'Internal error of the server'), { place, times: 2 });
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(5);
    expect((await rows())[0]).toMatchObject({
      state: 'quarantined',
      rule: 'fetch_failed',
      class: 'live',
      tries: 1,
      error: 'Internal error of the server',
    });
    await rig.hurry();
    await rig.pass(id);
    expect((await rows())[0]).toMatchObject({ state: 'quarantined', tries: 2 });
    await rig.hurry();
    await rig.pass(id);
    expect((await rows())[0]).toMatchObject({ state: 'logged', class: 'live', error: null, due_at: null, tries: 0 });
    expect(await rig.log()).toContain(`${anna} | difficult | live | received`);
    expect(await rig.fired()).toHaveLength(6);
  });

  test('waits longer each time', async () => {
    const id = await rig.connect(me);
    const place = deliver('never');
    box().fail('message', new ProviderError('protocol', 'no'), { place, times: 100 });
    const pauses: number[] = [];
    await rig.pass(id);
    for (let i = 0; i < 7; i += 1) {
      const [row] = await rows();
      pauses.push(Math.round((row!.due_at!.getTime() - Date.now()) / 60_000));
      await rig.hurry();
      await rig.pass(id);
    }
    expect(pauses).toEqual([1, 5, 30, 120, 360, 1440, 1440]);
  });

  test('of a head that can not be read ends when it can; a stranger leaves no raw message behind', async () => {
    const id = await rig.connect(me);
    const [one, two] = [deliver('readable later'), deliver('not for us', 'stranger@x.example')];
    for (const place of [one, two]) box().makeUnreadable(place, 'The header is garbled.');
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['INBOX: quarantined head_unreadable', 'INBOX: quarantined head_unreadable']);
    await rig.hurry();
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: skipped no_contact']);
    expect(await rig.fired()).toEqual([`${anna} | readable later`]);
    expect(rig.blobs.kept.size).toBe(1);
  });

  test('of a message that is gone for good ends as vanished', async () => {
    const id = await rig.connect(me);
    const place = deliver('gone');
    box().fail('message', new ProviderError('protocol', 'no'), { place });
    await rig.pass(id);
    box().delete(place);
    await rig.pass(id);
    expect((await rows())[0]).toMatchObject({ state: 'skipped', rule: 'vanished', due_at: null });
  });

  test('of mail that comes to concern a later contact does not make that contact fire', async () => {
    const id = await rig.connect(me);
    const place = box().append('INBOX', mail({ from: `new@x.example, ${anna}`, to: me, subject: 'both' }));
    box().fail('message', new ProviderError('protocol', 'no'), { place });
    await rig.pass(id);
    await rig.addContact('new@x.example');
    await rig.hurry();
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | both | live | received`,
      'new@x.example | both | late_contact | received',
    ]);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
  });

  test('takes a message at which the connection breaks each time, so that it does not hold up the rest', async () => {
    const id = await rig.connect(me);
    const places = Array.from({ length: 5 }, (_, i) => deliver(`m${i}`));
    rig.deps.providers = { memory: breakingAt(rig, places[1]!.ref, Infinity) };
    const suspects = new Suspects();
    for (let i = 0; i < 2; i += 1) await expect(rig.pass(id, suspects)).rejects.toThrow('broke');
    await rig.pass(id, suspects);
    expect(await subjects()).toEqual(['m0', 'm2', 'm3', 'm4']);
    expect((await rows())[1]).toMatchObject({ state: 'quarantined', rule: 'fetch_failed' });
  });

  test('takes what the database refuses, and nothing beside it', async () => {
    const id = await rig.connect(me);
    for (let i = 0; i < 9; i += 1) deliver(`m${i}`);
    const { parser } = rig.deps;
    rig.deps.parser = {
      ...parser,
      async parse(raw, owner) {
        const parsed = await parser.parse(raw, owner);
        return parsed.head.subject === 'm2' || parsed.head.subject === 'm7' ? { ...parsed, text: 'a\0b' } : parsed;
      },
    };
    await rig.pass(id);
    expect(await subjects()).toEqual(['m0', 'm1', 'm3', 'm4', 'm5', 'm6', 'm8']);
    const refused = (await rows()).filter((row) => row.state === 'quarantined');
    expect(refused.map((row) => [row.rule, row.error])).toEqual([
      ['store_failed', 'The database refused it (22021).'],
      ['store_failed', 'The database refused it (22021).'],
    ]);
    await rig.hurry();
    await rig.pass(id);
    expect((await rows()).filter((row) => row.state === 'quarantined').map((row) => row.tries)).toEqual([2, 2]);
    rig.deps.parser = parser;
    await rig.hurry();
    await rig.pass(id);
    expect(await subjects()).toHaveLength(9);
    expect(await rig.fired()).toHaveLength(9);
  });

  test('takes what can not be parsed, also when it is large', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'large', text: 'long text '.repeat(200_000) }));
    deliver('small');
    const { parser } = rig.deps;
    rig.deps.parser = { ...parser, parse: async () => Promise.reject(new Error('worker died')) };
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['INBOX: quarantined parse_failed', 'INBOX: quarantined parse_failed']);
    rig.deps.parser = parser;
    await rig.hurry();
    await rig.pass(id);
    expect(await subjects()).toEqual(['large', 'small']);
  });
});

describe('the server', () => {
  test('gives a number to another message: the new one is not taken for the old', async () => {
    const id = await rig.connect(me);
    const place = deliver('first');
    await rig.pass(id);
    const folder = box().folders.get('INBOX')!;
    folder.messages.get(Number(place.ref))!.raw = Buffer.from(mail({ from: anna, to: me, subject: 'second' }));
    folder.log.push({ kind: 'appeared', uid: Number(place.ref), again: false });
    await rig.pass(id);
    expect(await subjects()).toEqual(['first', 'second']);
    expect(await rig.fired()).toHaveLength(2);
  });

  test('shows a message again that it had declared vanished', async () => {
    const id = await rig.connect(me);
    const place = deliver('blinking', 'stranger@x.example');
    await rig.pass(id);
    const folder = box().folders.get('INBOX')!;
    folder.log.push({ kind: 'vanished', uid: Number(place.ref), again: false });
    await rig.pass(id);
    expect(await rig.ledger()).toEqual([]);
    await rig.addContact('stranger@x.example');
    folder.log.push({ kind: 'appeared', uid: Number(place.ref), again: false });
    await rig.pass(id);
    expect(await rig.log()).toEqual(['stranger@x.example | blinking | late_contact | received']);
  });

  test('breaks off in the middle of a page; nothing of it is lost', async () => {
    const id = await rig.connect(me);
    for (let i = 0; i < 9; i += 1) deliver(`m${i}`);
    box().fail('changes', transient(), { folder: 'INBOX' });
    await expect(rig.pass(id)).rejects.toThrow('broke');
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(9);
  });
});

/** A provider whose connection breaks when this message is fetched, so many times. */
function breakingAt(one: SyncRig, ref: string, times: number) {
  const provider = one.deps.providers['memory']!;
  let left = times;
  return {
    ...provider,
    async open(settings: unknown, credentials: unknown) {
      const mailbox = await provider.open(settings, credentials);
      return {
        ...mailbox,
        async *fetch(places: Parameters<typeof mailbox.fetch>[0]) {
          for await (const fetched of mailbox.fetch(places)) {
            if (fetched.place.ref === ref && left > 0) {
              left -= 1;
              throw transient();
            }
            yield fetched;
          }
        },
      };
    },
  };
}
