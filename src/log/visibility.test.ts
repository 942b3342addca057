import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertConnection, insertContact, insertMail, makeTeam } from '../../test/fixtures/records.ts';
import type { TestConnection } from '../../test/fixtures/records.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import { loadCopies } from './copies.ts';
import { loadLogItems } from './items.ts';
import { listLog, visibleLogItemIds } from './query.ts';
import { visibility } from './visibility.ts';
import type { Copy } from './visibility.ts';

const ann = { userId: 'ann' };
const copy = (userId: string, more: Partial<Copy> = {}): Copy => ({
  connectionId: `of-${userId}`,
  userId,
  sharing: 'everything',
  carriesBcc: false,
  ...more,
});

describe('an email in the log', () => {
  test('is seen in full by everybody while every copy is shared, with the mailboxes named', () => {
    const item = { viaBccOnly: false, copies: [copy('bob'), copy('carl')] };
    expect(visibility(ann, item)).toEqual({
      level: 'full',
      namedConnections: ['of-bob', 'of-carl'],
      showsBcc: false,
    });
  });

  test('is hidden from all but the owners as soon as one copy is private', () => {
    const item = { viaBccOnly: false, copies: [copy('bob'), copy('carl', { sharing: 'private' })] };
    expect(visibility(ann, item)).toEqual({ level: 'none', namedConnections: [], showsBcc: false });
    expect(visibility({ userId: 'carl' }, item).namedConnections).toEqual(['of-bob', 'of-carl']);
  });

  test("never names somebody else's private mailbox, even to the owner of another copy", () => {
    const item = { viaBccOnly: false, copies: [copy('ann'), copy('carl', { sharing: 'private' })] };
    expect(visibility(ann, item)).toEqual({ level: 'full', namedConnections: ['of-ann'], showsBcc: false });
  });

  test('shows its Bcc only to the owner of the copy that carries it', () => {
    const item = { viaBccOnly: false, copies: [copy('ann', { carriesBcc: true }), copy('bob')] };
    expect(visibility(ann, item).showsBcc).toBe(true);
    expect(visibility({ userId: 'bob' }, item)).toMatchObject({ level: 'full', showsBcc: false });
  });

  test('of a contact in Bcc is seen by nobody but the owner of the copy that carries it', () => {
    const item = { viaBccOnly: true, copies: [copy('ann', { carriesBcc: true }), copy('bob')] };
    expect(visibility(ann, item).level).toBe('full');
    expect(visibility({ userId: 'bob' }, item).level).toBe('none');
    expect(visibility({ userId: 'carl' }, item).level).toBe('none');
  });

  test('that no mailbox holds is seen by nobody', () => {
    expect(visibility(ann, { viaBccOnly: false, copies: [] }).level).toBe('none');
  });
});

describe('the SQL predicate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test('says of any item and viewer what the function says', async () => {
    const { db } = database;
    const { accountId, viewers } = await makeTeam(db);
    // Two mailboxes for each user, one of each sharing; one of them was deleted and its log kept.
    const connections: TestConnection[] = [];
    for (const viewer of viewers) {
      for (const sharing of ['everything', 'private'] as const) {
        connections.push(await insertConnection(db, viewer, { sharing }));
      }
    }
    await db
      .updateTable('connection')
      .set({ state: 'deleted', deleted_at: new Date() })
      .where('id', 'in', [connections[0]!.id, connections[3]!.id])
      .execute();
    const held = fc.record({ at: fc.nat(connections.length - 1), bcc: fc.constantFrom('none', 'contact', 'other') });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(held, { selector: ({ at }) => at, maxLength: 4 }),
        fc.boolean(),
        async (copies, viaBccOnly) => {
          const contactId = await insertContact(db, accountId);
          const address = `${contactId}@contact.example`;
          const { itemIds } = await insertMail(db, accountId, {
            from: connections[0]!.address,
            in: copies.map(({ at }) => connections[at]!),
            bcc: copies
              .filter(({ bcc }) => bcc !== 'none')
              .map(({ at, bcc }) => ({
                connection: connections[at]!,
                address: bcc === 'contact' ? address : 'someone@else.example',
              })),
            contacts: [{ id: contactId, address, role: viaBccOnly ? 'bcc' : 'to' }],
          });
          const itemId = itemIds[0]!;
          for (const viewer of viewers) {
            // The expectation is made from what was inserted, not from what was loaded.
            const expected = visibility(viewer, {
              viaBccOnly,
              copies: copies.map(({ at, bcc }) => ({
                connectionId: connections[at]!.id,
                userId: viewers[Math.floor(at / 2)]!.userId,
                sharing: at % 2 === 0 ? 'everything' : 'private',
                carriesBcc: viaBccOnly ? bcc === 'contact' : bcc !== 'none',
              })),
            });
            const full = expected.level === 'full';
            expect((await visibleLogItemIds(db, viewer, [itemId])).has(itemId)).toBe(full);
            expect((await listLog(db, viewer, contactId, { limit: 10 })).items).toHaveLength(full ? 1 : 0);
            const loaded = (await loadCopies(db, accountId, [itemId])).get(itemId) ?? { viaBccOnly, copies: [] };
            expect(visibility(viewer, loaded)).toMatchObject({ level: expected.level, showsBcc: expected.showsBcc });
            const [item] = await loadLogItems(db, viewer, [itemId]);
            expect(item?.mailboxes.map((mailbox) => mailbox.connectionId).toSorted() ?? []).toEqual(
              expected.namedConnections.toSorted(),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
