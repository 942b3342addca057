import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { createContact } from '../contacts/save.ts';
import { deleteContact } from '../contacts/delete.ts';

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

describe('a contact and a page at the same time', () => {
  test('added while the page commits: the contact waits for it, and finds its mail', async () => {
    const id = await rig.connect(me);
    deliver('racing', 'race@x.example');
    deliver('fires');
    const { fire } = rig.deps;
    let adding: Promise<string> | undefined;
    rig.deps.fire = async (trx, ...rest) => {
      // By then all rows of the page are written, and none is visible yet.
      adding = rig.addContact('race@x.example');
      await expect.poll(() => waitingForLock(rig)).toBe(1);
      return await fire(trx, ...rest);
    };
    await rig.pass(id);
    await adding;
    rig.deps.fire = fire;
    await rig.pass(id);
    expect(await rig.log()).toEqual([
      `${anna} | fires | live | received`,
      'race@x.example | racing | late_contact | received',
    ]);
  });

  test('added between the look and the decision: the message comes back with its body at once', async () => {
    const id = await rig.connect(me);
    deliver('racing', 'race@x.example');
    const { storing } = rig.deps;
    let first = true;
    rig.deps.storing = async (piece, work) => {
      // Folders are refreshed first; then the page is about to be stored.
      if (first && (box().calls.changes ?? 0) > 0) {
        first = false;
        await rig.addContact('race@x.example');
      }
      return await storing(piece, work);
    };
    await rig.pass(id);
    expect(first).toBe(false);
    expect(await rig.log()).toEqual(['race@x.example | racing | late_contact | received']);
    const former = await rig.db
      .selectFrom('decision')
      .where('account_id', '=', rig.accountId)
      .select(['state', 'rule'])
      .orderBy('at')
      .execute();
    expect(former).toEqual([{ state: 'skipped', rule: 'no_contact' }]);
    expect(await rig.ledger()).toEqual(['INBOX: logged contact']);
  });

  test('with many addresses at once: the mail of each is found, once', async () => {
    const id = await rig.connect(me);
    const addresses = Array.from({ length: 12 }, (_, at) => `a${at}@late.example`);
    for (const address of addresses) deliver(address, address);
    box().append('INBOX', mail({ from: addresses[0]!, to: `${me}, ${addresses[1]}`, subject: 'both' }));
    deliver('of nobody', 'stranger@x.example');
    await rig.pass(id);
    await rig.addContact(...addresses);
    await rig.pass(id);
    const found = [...addresses, 'both'].map((subject) => expect.stringContaining(`| ${subject} | late_contact`));
    expect(await rig.log()).toHaveLength(13);
    expect(await rig.log()).toEqual(expect.arrayContaining(found));
    expect((await rig.ledger()).filter((row) => row.includes('no_contact'))).toHaveLength(1);
  });

  test('many of both lose nothing', async () => {
    const id = await rig.connect(me);
    const people = Array.from({ length: 40 }, (_, i) => `p${i}@race.example`);
    let passing = true;
    const adding = (async () => {
      for (const person of people) {
        const { id: contactId } = await createContact(rig.db, rig.contactDeps, rig.viewers[0]!, {
          addresses: [person],
        });
        if (person.endsWith('7@race.example')) await deleteContact(rig.db, rig.contactDeps, rig.accountId, contactId);
      }
      passing = false;
    })();
    let sent = 0;
    while (passing) {
      for (let i = 0; i < 3; i += 1) deliver(`m${sent}`, people[(sent += 1) % people.length]);
      await rig.pass(id);
    }
    await adding;
    await rig.pass(id);
    const gone = people.filter((person) => person.endsWith('7@race.example'));
    const inLog = await rig.log();
    const expected = Array.from({ length: sent }, (_, i) => people[(i + 1) % people.length]!);
    expect(inLog).toHaveLength(expected.filter((person) => !gone.includes(person)).length);
  });
});

async function waitingForLock({ db }: SyncRig): Promise<number> {
  const { rows: waiting } = await sql<{ n: number }>`
    select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return waiting[0]!.n;
}
