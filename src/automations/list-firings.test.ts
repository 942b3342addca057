import { expect, test } from 'vitest';
import { makeAccount, makeMail, publishLine } from '../../test/fixtures/automation.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import { createJobs } from '../jobs/jobs.ts';
import { fireEmailReceived } from './fire.ts';
import { listFirings } from './list-firings.ts';

test('the email behind a firing is named only to who may see it', async () => {
  await using database = await testDatabase();
  const { db } = database;
  const jobs = createJobs({ url: database.url, role: 'enqueue', log: { error: () => {}, warn: () => {} } });
  await jobs.start();
  const { viewer, accountId, userId, contactId } = await makeAccount(db);
  const mapId = await publishLine(db, jobs, viewer, [{ kind: 'change_lead_score', by: 1 }]);
  const mail = await makeMail(db, accountId, contactId);

  const connection = await db
    .insertInto('connection')
    .values({
      account_id: accountId,
      user_id: userId,
      provider: 'imap',
      address: 'ada@example.com',
      address_key: 'ada@example.com',
      settings: '{}',
      sharing: 'private',
      state: 'active',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const folder = await db
    .insertInto('folder')
    .values({ account_id: accountId, connection_id: connection.id, ref: 'INBOX', name: 'Inbox', selectable: true })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db
    .insertInto('sighting')
    .values({
      account_id: accountId,
      connection_id: connection.id,
      folder_id: folder.id,
      epoch: '1',
      ref: '1',
      state: 'logged',
      rule: 'contact',
      class: 'live',
      message_id: mail.messageId,
    })
    .execute();
  const item = await db
    .insertInto('log_item')
    .values({
      account_id: accountId,
      contact_id: contactId,
      kind: 'email_sync',
      at: new Date(),
      message_id: mail.messageId,
      direction: 'received',
      matched_role: 'from',
      matched_address: 'grace@example.com',
      class: 'live',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db.transaction().execute((trx) => fireEmailReceived(trx, jobs, accountId, [mail]));

  const { items: own } = await listFirings(db, viewer, mapId, { limit: 10 });
  expect(own).toMatchObject([{ contact: { id: contactId }, logItemId: item.id }]);
  const colleague = { ...viewer, userId: (await makeAccount(db)).userId };
  const { items: others } = await listFirings(db, colleague, mapId, { limit: 10 });
  expect(others).toMatchObject([{ contact: { id: contactId }, logItemId: null }]);

  await db.deleteFrom('contact').where('id', '=', contactId).execute();
  const { items: after } = await listFirings(db, viewer, mapId, { limit: 10 });
  expect(after).toMatchObject([{ contact: null, logItemId: null }]);
  await jobs.stop();
});
