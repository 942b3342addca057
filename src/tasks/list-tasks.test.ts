import { beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { listLog } from '../log/query.ts';
import { createTask, editTask } from './edit-task.ts';
import { insertTask } from './insert-task.ts';
import { listTasks } from './list-tasks.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let connection: string;
let contactId: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  contactId = await rig.addContact(anna);
  connection = await rig.connect(me);
});

/** A mail of the contact and the task that its run makes; answers the mail's log item. */
async function answerTo(subject: string): Promise<string> {
  rig.server.mailboxes.get(me)!.append('INBOX', mail({ from: anna, to: me, subject }));
  await rig.pass(connection);
  const row = await rig.db
    .selectFrom('run as r')
    .innerJoin('message as m', 'm.id', 'r.message_id')
    .innerJoin('log_item as i', 'i.message_id', 'm.id')
    .where('r.account_id', '=', rig.accountId)
    .where('m.subject', '=', subject)
    .select(['r.id as runId', 'i.id as itemId'])
    .executeTakeFirstOrThrow();
  await rig.db.transaction().execute(async (trx) => {
    await insertTask(trx, {
      accountId: rig.accountId,
      contactId,
      subject: 'Answer the email',
      assigneeId: null,
      dueAt: null,
      actorId: null,
      step: { runId: row.runId, visit: 0 },
    });
  });
  return row.itemId;
}

test('a task names the email that it was made for, in the lists and in the log', async () => {
  const viewer = rig.viewers[0]!;
  const [offer, invoice] = [await answerTo('Your offer'), await answerTo('The invoice')];
  const own = await createTask(rig.db, viewer, { contactId, subject: 'Call' });
  expect(own.email).toBeNull();
  const emails = [
    { itemId: invoice, subject: 'The invoice' },
    { itemId: offer, subject: 'Your offer' },
  ];
  const { items } = await listTasks(rig.db, viewer, { contactId }, { limit: 10 });
  expect(items).toHaveLength(3);
  expect(items.map(({ email }) => email)).toEqual(expect.arrayContaining([...emails, null]));
  const made = items.find(({ email }) => email?.itemId === offer)!;
  expect((await editTask(rig.db, viewer, made.id, { state: 'complete' })).email).toEqual(emails[1]);
  const lines = (await listLog(rig.db, viewer, contactId, { limit: 10 })).items.filter(({ kind }) => kind === 'task');
  expect(lines.map(({ task }) => task!.email)).toEqual([null, ...emails]);
});

test('whoever may not see the email sees the task without it', async () => {
  const itemId = await answerTo('Secret offer');
  await rig.db.updateTable('connection').set({ sharing: 'private' }).where('id', '=', connection).execute();
  const [owner, colleague] = rig.viewers;
  const emailsOf = async (viewer: typeof owner) => {
    const tasks = (await listTasks(rig.db, viewer!, {}, { limit: 10 })).items;
    const log = (await listLog(rig.db, viewer!, contactId, { limit: 10 })).items;
    return [...tasks, ...log.flatMap(({ task }) => task ?? [])].map(({ subject, email }) => [subject, email]);
  };
  const email = { itemId, subject: 'Secret offer' };
  expect(await emailsOf(owner)).toEqual([
    ['Answer the email', email],
    ['Answer the email', email],
  ]);
  expect(await emailsOf(colleague)).toEqual([
    ['Answer the email', null],
    ['Answer the email', null],
  ]);
});
