import { sql } from 'kysely';
import { createLabel, deleteLabel, renameLabel } from './labels.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { insertConnection, insertMail, makeTeam, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { contactDeps } from '../log/for-contacts.ts';
import { listLog } from '../log/query.ts';
import { setAddresses } from './addresses.ts';
import { deleteContact } from './delete.ts';
import type { ContactDeps } from './deps.ts';
import { listContacts } from './list.ts';
import type { ContactFilter } from './list.ts';
import { loadContact } from './load.ts';
import { createContact, updateContact } from './save.ts';
import type { ContactFields } from './save.ts';
import { deleteStage, listStages, updateStage } from './stages.ts';

const database = sharedDatabase();
let db: Db;
let accountId: string;
let owner: Viewer;
let colleague: Viewer;
let searched: string[][];
const removed: string[] = [];

const logged = contactDeps({ sealer, blobs: { remove: async (_account, keys) => void removed.push(...keys) } });
const deps: ContactDeps = {
  ...logged,
  findLateMail: async (trx, account, contactIds) => {
    searched.push(contactIds);
    return await logged.findLateMail(trx, account, contactIds);
  },
};
const create = (fields: ContactFields, viewer = owner) => createContact(db, deps, viewer, fields);
const list = (filter: Partial<ContactFilter> = {}, viewer = owner) =>
  listContacts(db, deps, viewer, { limit: 50, ...filter });
const names = async (filter: Partial<ContactFilter> = {}, viewer = owner) =>
  (await list(filter, viewer)).items.map((contact) => contact.name);

beforeEach(async () => {
  ({ db } = database);
  const team = await makeTeam(db);
  accountId = team.accountId;
  [owner, colleague] = team.viewers as [Viewer, Viewer];
  searched = [];
});

describe('a contact', () => {
  test('keeps what it was given, the first address being the primary one', async () => {
    const [, contacted] = await listStages(db, accountId);
    const tag = await createLabel(db, 'tag', accountId, 'VIP');
    const segment = await createLabel(db, 'segment', accountId, 'Newsletter');
    const contact = await create({
      firstName: ' Grace ',
      lastName: 'Hopper',
      company: 'Navy',
      addresses: ['Grace+list@Navy.example', 'amazing@grace.example'],
      ownerId: colleague.userId,
      stageId: contacted!.id,
      leadScore: 7,
      tagIds: [tag.id],
      segmentIds: [segment.id],
    });
    expect(contact).toMatchObject({
      firstName: 'Grace',
      lastName: 'Hopper',
      company: 'Navy',
      name: 'Grace Hopper',
      addresses: ['Grace+list@Navy.example', 'amazing@grace.example'],
      owner: { id: colleague.userId, name: 'User 1' },
      stage: { id: contacted!.id, name: 'Contacted' },
      tags: [{ id: tag.id, name: 'VIP' }],
      segments: [{ id: segment.id, name: 'Newsletter' }],
      leadScore: 7,
      lastEmailAt: null,
    });
    expect(await loadContact(db, deps, colleague, contact.id)).toEqual(contact);
  });

  test('is called by its company, else by its first address, when it has no name', async () => {
    expect((await create({ company: 'Navy', addresses: ['a@navy.example'] })).name).toBe('Navy');
    expect((await create({ addresses: ['b@navy.example'] })).name).toBe('b@navy.example');
  });

  test('has something to call it by, and one from before that was asked for is called "No name"', async () => {
    const refused = { code: 'invalid', message: 'Enter a name, a company or an address.' };
    await expect(create({})).rejects.toMatchObject(refused);
    await expect(create({ firstName: ' ', addresses: [] })).rejects.toMatchObject(refused);
    const { id } = await create({ firstName: 'Anna' });
    await expect(updateContact(db, deps, owner, id, { firstName: '' })).rejects.toMatchObject(refused);
    expect((await loadContact(db, deps, owner, id)).firstName).toBe('Anna');
    await updateContact(db, deps, owner, id, { firstName: '', addresses: ['anna@example.com'] });

    const nameless = await db
      .insertInto('contact')
      .values({ account_id: accountId })
      .returning('id')
      .executeTakeFirstOrThrow();
    expect(await names()).toEqual(['No name', 'anna@example.com']);
    // What it is called was not touched.
    expect(await updateContact(db, deps, owner, nameless.id, { leadScore: 3 })).toMatchObject({ leadScore: 3 });
  });

  test('changes in the given fields only', async () => {
    const { id } = await create({ firstName: 'Grace', company: 'Navy', addresses: ['g@navy.example'], leadScore: 3 });
    const changed = await updateContact(db, deps, owner, id, { company: 'Univac', addresses: ['g@univac.example'] });
    expect(changed).toMatchObject({
      firstName: 'Grace',
      company: 'Univac',
      addresses: ['g@univac.example'],
      leadScore: 3,
    });
    await create({ addresses: ['g@navy.example'] });
  });

  test('has its mail searched for when an address is new, and only then', async () => {
    const { id } = await create({ addresses: ['g@navy.example'] });
    expect(searched).toEqual([[id]]);
    await updateContact(db, deps, owner, id, { addresses: ['G@Navy.example'], firstName: 'Grace' });
    expect(searched).toHaveLength(1);
    await updateContact(db, deps, owner, id, { addresses: ['G@Navy.example', 'new@navy.example'] });
    expect(searched).toEqual([[id], [id]]);
  });

  test('writes each move between stages to its log', async () => {
    const [first, second] = await listStages(db, accountId);
    const { id } = await create({ firstName: 'Grace' });
    await updateContact(db, deps, colleague, id, { stageId: first!.id });
    await updateContact(db, deps, colleague, id, { stageId: first!.id });
    await updateContact(db, deps, owner, id, { stageId: second!.id });
    const { items } = await listLog(db, owner, id, { limit: 10 });
    expect(items.map((item) => [item.kind, item.stageChange, item.actor?.id])).toEqual([
      ['stage_change', { from: 'New', to: 'Contacted' }, owner.userId],
      ['stage_change', { from: null, to: 'New' }, colleague.userId],
    ]);
  });
});

describe('an address', () => {
  test('edge case 22: belongs to one contact, plus-tags and case aside, and the refusal names that contact', async () => {
    await create({ firstName: 'Grace', addresses: ['grace@navy.example'] });
    const refused = create({ firstName: 'Ada', addresses: ['x@y.example', 'GRACE+sales@navy.example'] });
    await expect(refused).rejects.toMatchObject({
      code: 'address_taken',
      message: expect.stringContaining('Grace'),
      details: [{ path: 'addresses.1' }],
    });
    expect(await names()).toEqual(['Grace']);
  });

  test("is no contact's when it is a connected mailbox's or a user's sign-in", async () => {
    await insertConnection(db, owner, { address: 'sales@acme.example' });
    const refused = create({ addresses: ['Sales+eu@acme.example'] });
    await expect(refused).rejects.toMatchObject({ code: 'own_address', details: [{ path: 'addresses.0' }] });
    const { email } = await db
      .selectFrom('user')
      .select('email')
      .where('id', '=', colleague.userId)
      .executeTakeFirstOrThrow();
    await expect(create({ addresses: [email] })).rejects.toMatchObject({ code: 'own_address' });
  });

  test('must be one', async () => {
    const refused = create({ addresses: ['fine@x.example', 'nonsense'] });
    await expect(refused).rejects.toMatchObject({ code: 'invalid', details: [{ path: 'addresses.1' }] });
  });

  test('goes to one of two who want it at the same time', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => create({ addresses: ['race@navy.example'] })),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'address_taken' });
    }
  });

  test('is given to very many contacts in one go', async () => {
    // More than a statement may have parameters (65,535).
    const { rows } = await sql<{ id: string }>`
      insert into contact (account_id) select ${accountId} from generate_series(1, 70000) returning id`.execute(db);
    const contacts = rows.map(({ id }, i) => ({ contactId: id, addresses: [`n${i}@x.example`] }));
    await db.transaction().execute((trx) => setAddresses(trx, deps, accountId, contacts));
    expect(searched).toEqual([rows.map((row) => row.id)]);
    expect(await names({ q: 'n69999@' })).toEqual(['n69999@x.example']);
  });

  test('of another account is free here', async () => {
    const other = await makeTeam(db);
    await create({ addresses: ['both@navy.example'] });
    await create({ addresses: ['both@navy.example'] }, other.viewers[0]);
  });
});

describe('the list', () => {
  test('sorts every way, page by page, without repeating or missing one while others come and go', async () => {
    const connection = await insertConnection(db, owner);
    const ids: string[] = [];
    for (let i = 0; i < 23; i++) {
      const { id } = await create({ lastName: `N${i % 7}`, leadScore: i % 4, addresses: [`n${i}@x.example`] });
      ids.push(id);
      if (i % 3 === 0) continue;
      await insertMail(db, accountId, {
        in: [connection],
        contacts: [{ id, address: `n${i}@x.example` }],
        at: new Date(Date.UTC(2026, 1, 1 + (i % 5))),
      });
    }
    const sorts = ['name', 'leadScore', 'createdAt', 'lastEmailAt'] as const;
    for (const sort of sorts.flatMap((one) => [one, `-${one}`] as const)) {
      const whole = (await list({ sort, limit: 200 })).items.filter((contact) => ids.includes(contact.id));
      expect(whole).toHaveLength(ids.length);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ sort, limit: 5, cursor });
        seen.push(...page.items.map((contact) => contact.id));
        cursor = page.nextCursor ?? undefined;
        // In front of, among and behind what is still to come.
        const { id } = await create({ lastName: `N${seen.length % 7}x`, leadScore: seen.length % 4 });
        if (seen.length > 10) await deleteContact(db, deps, accountId, id);
      } while (cursor);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => ids.includes(id))).toEqual(whole.map((contact) => contact.id));
    }
  });

  test('sorts by what is meant', async () => {
    const connection = await insertConnection(db, owner);
    const old = await create({ firstName: 'Zoe', lastName: 'Adams', leadScore: 1 });
    const fresh = await create({ firstName: 'Ann', lastName: 'bell', leadScore: 9 });
    await create({ firstName: 'Mia', lastName: 'Cole', leadScore: 5 });
    for (const [contact, day] of [
      [old, 1],
      [fresh, 2],
    ] as const) {
      const at = new Date(Date.UTC(2026, 0, day));
      await insertMail(db, accountId, { in: [connection], contacts: [{ id: contact.id, address: 'a@b.example' }], at });
    }
    expect(await names()).toEqual(['Zoe Adams', 'Ann bell', 'Mia Cole']);
    expect(await names({ sort: '-leadScore' })).toEqual(['Ann bell', 'Mia Cole', 'Zoe Adams']);
    expect(await names({ sort: 'createdAt' })).toEqual(['Zoe Adams', 'Ann bell', 'Mia Cole']);
    expect(await names({ sort: '-lastEmailAt' })).toEqual(['Ann bell', 'Zoe Adams', 'Mia Cole']);
    expect((await list({ sort: '-lastEmailAt' })).items.map((one) => one.lastEmailAt)).toEqual([
      new Date(Date.UTC(2026, 0, 2)),
      new Date(Date.UTC(2026, 0, 1)),
      null,
    ]);
  });

  test('finds every word in names, company and addresses, and takes % and _ as they are', async () => {
    await create({ firstName: 'Grace', lastName: 'Hopper', addresses: ['amazing@navy.example'] });
    await create({ company: '100% Cotton', addresses: ['under_score@x.example'] });
    await create({ company: '100 Silk', addresses: ['underXscore@x.example'] });
    expect(await names({ q: 'hop gra' })).toEqual(['Grace Hopper']);
    expect(await names({ q: 'NAVY hopper' })).toEqual(['Grace Hopper']);
    expect(await names({ q: 'hopper nobody' })).toEqual([]);
    expect(await names({ q: '100%' })).toEqual(['100% Cotton']);
    expect(await names({ q: 'under_score' })).toEqual(['100% Cotton']);
    expect(await names({ q: '\\' })).toEqual([]);
  });

  test('finds names with and without their accents, however they are typed', async () => {
    await create({ firstName: 'Jürgen', lastName: 'Müller', company: 'Weiß & Söhne' });
    await create({ firstName: 'Łukasz', lastName: 'Østergård' });
    await create({ firstName: 'Zoe', lastName: 'Strasse', addresses: ['zoe@söhne.example'] });
    await create({ firstName: 'Юрий', lastName: 'ΆΡΗΣ' });
    for (const q of ['muller', 'Müller', 'Mu\u0308ller', 'JURGEN mül', 'weiss', 'WEIẞ jurgen'])
      expect(await names({ q }), q).toEqual(['Jürgen Müller']);
    for (const q of ['lukasz', 'Łuk', 'łukasz', 'ostergard', 'ØSTERGÅRD'])
      expect(await names({ q }), q).toEqual(['Łukasz Østergård']);
    for (const q of ['sohne', 'Söhne']) expect(await names({ q }), q).toEqual(['Jürgen Müller', 'Zoe Strasse']);
    for (const q of ['straße', 'strässe']) expect(await names({ q }), q).toEqual(['Zoe Strasse']);
    for (const q of ['юрии', 'ЮРИЙ', 'άρης', 'αρη']) expect(await names({ q }), q).toEqual(['Юрий ΆΡΗΣ']);
  });

  test('filters by owner, stage, tag and segment, and by having no owner', async () => {
    const [stage] = await listStages(db, accountId);
    const tag = await createLabel(db, 'tag', accountId, 'VIP');
    const segment = await createLabel(db, 'segment', accountId, 'News');
    await create({
      firstName: 'A',
      ownerId: owner.userId,
      stageId: stage!.id,
      tagIds: [tag.id],
      segmentIds: [segment.id],
    });
    await create({ firstName: 'B' });
    for (const filter of [
      { ownerId: owner.userId },
      { stageId: stage!.id },
      { tagId: tag.id },
      { segmentId: segment.id },
    ]) {
      expect(await names(filter)).toEqual(['A']);
    }
    expect(await names({ ownerId: 'none' })).toEqual(['B']);
  });

  test('tells each viewer of the newest email that this viewer may see', async () => {
    const hidden = await insertConnection(db, owner, { sharing: 'private' });
    const shared = await insertConnection(db, owner);
    const { id } = await create({ firstName: 'Grace' });
    const contacts = [{ id, address: 'g@navy.example' }];
    await insertMail(db, accountId, { in: [shared], contacts, at: new Date('2026-01-01T00:00:00Z') });
    await insertMail(db, accountId, { in: [shared, hidden], contacts, at: new Date('2026-02-02T00:00:00Z') });
    const lastEmail = async (viewer: Viewer) => (await list({}, viewer)).items[0]!.lastEmailAt?.toISOString();
    expect(await lastEmail(owner)).toBe('2026-02-02T00:00:00.000Z');
    expect(await lastEmail(colleague)).toBe('2026-01-01T00:00:00.000Z');
  });

  test('refuses a cursor of another order and nonsense', async () => {
    for (const name of ['A', 'B', 'C']) await create({ firstName: name });
    const { nextCursor } = await list({ limit: 1 });
    for (const [sort, cursor] of [
      ['-name', nextCursor!],
      ['name', 'nonsense'],
      ['createdAt', Buffer.from('["createdAt","now","x"]').toString('base64url')],
    ] as const) {
      await expect(list({ sort, cursor })).rejects.toMatchObject({ code: 'invalid' });
    }
  });
});

test('another account reaches none of it', async () => {
  const stranger = (await makeTeam(db)).viewers[0]!;
  const [stage] = await listStages(db, accountId);
  const tag = await createLabel(db, 'tag', accountId, 'VIP');
  const segment = await createLabel(db, 'segment', accountId, 'News');
  const { id } = await create({ firstName: 'Grace', addresses: ['g@navy.example'], ownerId: owner.userId });
  const notFound = { code: 'not_found' };
  await expect(loadContact(db, deps, stranger, id)).rejects.toMatchObject(notFound);
  await expect(updateContact(db, deps, stranger, id, { firstName: 'X' })).rejects.toMatchObject(notFound);
  await expect(deleteContact(db, deps, stranger.accountId, id)).rejects.toMatchObject(notFound);
  await expect(listLog(db, stranger, id, { limit: 5 })).rejects.toMatchObject(notFound);
  await expect(updateStage(db, stranger.accountId, stage!.id, { name: 'X' })).rejects.toMatchObject(notFound);
  await expect(deleteStage(db, stranger.accountId, stage!.id)).rejects.toMatchObject(notFound);
  await expect(renameLabel(db, 'tag', stranger.accountId, tag.id, 'X')).rejects.toMatchObject(notFound);
  await expect(deleteLabel(db, 'tag', stranger.accountId, tag.id)).rejects.toMatchObject(notFound);
  for (const fields of [
    { stageId: stage!.id },
    { tagIds: [tag.id] },
    { segmentIds: [segment.id] },
    { ownerId: owner.userId },
  ]) {
    await expect(create(fields, stranger)).rejects.toMatchObject({ code: 'invalid' });
  }
  for (const filter of [
    {},
    { ownerId: owner.userId },
    { stageId: stage!.id },
    { tagId: tag.id },
    { segmentId: segment.id },
  ]) {
    expect(await names(filter, stranger)).toEqual([]);
  }
  expect(await names()).toEqual(['Grace']);
});
