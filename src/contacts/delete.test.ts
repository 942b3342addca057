import { beforeEach, describe, expect, test } from 'vitest';
import { insertConnection, insertMail, makeTeam, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { contactDeps } from '../log/for-contacts.ts';
import { listLog } from '../log/query.ts';
import { deleteContact } from './delete.ts';
import { createContact } from './save.ts';
import type { ContactFields } from './save.ts';

const database = sharedDatabase();
let db: Db;
let accountId: string;
let owner: Viewer;
let colleague: Viewer;
const removed: string[] = [];

const deps = contactDeps({ sealer, blobs: { remove: async (_account, keys) => void removed.push(...keys) } });
const create = (fields: ContactFields) => createContact(db, deps, owner, fields);

beforeEach(async () => {
  ({ db } = database);
  const team = await makeTeam(db);
  accountId = team.accountId;
  [owner, colleague] = team.viewers as [Viewer, Viewer];
});

describe('deleting a contact', () => {
  const address = 'grace@navy.example';
  const ledger = (id: string) =>
    db
      .selectFrom('sighting')
      .selectAll()
      .where('id', '=', id)
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow();

  test('erases the messages that only it had; their ledger rows go back to "no contact" and can be matched again', async () => {
    const connection = await insertConnection(db, owner);
    const { id } = await create({ firstName: 'Grace', addresses: [address] });
    const mail = await insertMail(db, accountId, {
      from: address,
      to: [connection.address, 'third@party.example'],
      in: [connection],
      contacts: [{ id, address }],
      raw: 'blob-of-grace',
    });
    await deleteContact(db, deps, accountId, id);
    const row = await ledger(mail.sightingIds[0]!);
    expect(row).toMatchObject({ state: 'skipped', rule: 'no_contact', message_id: null, due_at: null });
    expect(row.identity?.equals(mail.identity)).toBe(true);
    expect(row.internet_message_id_hash).toHaveLength(16);
    const former = await db
      .selectFrom('decision')
      .select(['state', 'rule'])
      .where('sighting_id', '=', row.id)
      .orderBy('at')
      .execute();
    expect(former).toEqual([{ state: 'logged', rule: 'contact' }]);
    expect(removed).toContain('blob-of-grace');
    expect(await db.selectFrom('message').selectAll().where('account_id', '=', accountId).execute()).toEqual([]);
    // The same person comes back: the kept hashes find the row.
    await create({ addresses: [address] });
    expect((await ledger(row.id)).due_at).not.toBeNull();
  });

  test('leaves what another contact has too, for that contact', async () => {
    const connection = await insertConnection(db, owner);
    const grace = await create({ firstName: 'Grace', addresses: [address] });
    const ada = await create({ firstName: 'Ada', addresses: ['ada@navy.example'] });
    const mail = await insertMail(db, accountId, {
      in: [connection],
      contacts: [
        { id: grace.id, address },
        { id: ada.id, address: 'ada@navy.example', role: 'cc' },
      ],
      raw: 'blob-of-both',
    });
    await deleteContact(db, deps, accountId, grace.id);
    expect((await ledger(mail.sightingIds[0]!)).state).toBe('logged');
    expect((await listLog(db, owner, ada.id, { limit: 5 })).items).toHaveLength(1);
    expect(removed).not.toContain('blob-of-both');
  });

  test("gives a Bcc's hash only to the copy that carries the Bcc", async () => {
    const sender = await insertConnection(db, owner);
    const receiver = await insertConnection(db, colleague);
    const { id } = await create({ addresses: [address] });
    const mail = await insertMail(db, accountId, {
      from: sender.address,
      to: [receiver.address],
      bcc: [{ connection: sender, address }],
      in: [sender, receiver],
      contacts: [{ id, address, role: 'bcc' }],
    });
    await deleteContact(db, deps, accountId, id);
    const count = async (sighting: string) =>
      (await db.selectFrom('sighting').select('strangers').where('id', '=', sighting).executeTakeFirstOrThrow())
        .strangers?.length;
    expect(await count(mail.sightingIds[0]!)).toBe(3);
    expect(await count(mail.sightingIds[1]!)).toBe(2);
  });

  test('leaves the keys of firings, so that nothing fires again', async () => {
    const { id } = await create({ firstName: 'Grace' });
    const firing = { map_id: id, trigger_id: 't', contact_id: id, message_id: id, sighting_id: 1, run_id: id };
    await db
      .insertInto('firing')
      .values({ account_id: accountId, key: Buffer.alloc(16, 1), ...firing })
      .execute();
    await deleteContact(db, deps, accountId, id);
    expect(await db.selectFrom('firing').select('key').where('account_id', '=', accountId).execute()).toHaveLength(1);
  });
});
