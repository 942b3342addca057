import { beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { noJobs, syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { createMap, editMap } from './edit-map.ts';
import { listFirings } from './list-firings.ts';
import { loadMap } from './load-map.ts';
import { newGraph } from './map.ts';
import { pauseMap, publishMap, resumeMap } from './publish.ts';
import { whyFired } from './why-fired.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';

const database = sharedDatabase();
let rig: SyncRig;
let connection: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  await rig.addContact(anna);
  connection = await rig.connect(me);
});

/** Takes a mail in and answers its log items with what the maps made of each. */
async function answers(fields: Partial<Parameters<typeof mail>[0]>, viewer = rig.viewers[0]!) {
  const subject = fields.subject ?? 'mail';
  rig.server.mailboxes.get(me)!.append('INBOX', mail({ from: anna, to: me, ...fields, subject }));
  await rig.pass(connection);
  return await answersTo(subject, viewer);
}

async function answersTo(subject: string, viewer = rig.viewers[0]!) {
  const items = await rig.db
    .selectFrom('log_item as li')
    .innerJoin('message as m', 'm.id', 'li.message_id')
    .select('li.id')
    .where('li.account_id', '=', rig.accountId)
    .where('m.subject', '=', subject)
    .execute();
  const found = await whyFired(
    rig.db,
    viewer,
    items.map(({ id }) => id),
  );
  return found.map(({ explanation }) => explanation).sort();
}

async function publish(name: string, alsoFor: ('auto_reply' | 'bounce' | 'list' | 'calendar')[]): Promise<string> {
  const { id } = await createMap(rig.db, rig.viewers[0]!, { name });
  const graph = newGraph();
  graph.elements[0] = { id: 'trigger', kind: 'email_received', alsoFor };
  await editMap(rig.db, rig.viewers[0]!, id, { graph });
  await publishMap(rig.db, noJobs, rig.viewers[0]!, id);
  return id;
}

test('an automatic reply is told which maps it started and which not, and for what those start', async () => {
  const calm = await publish('Calm', ['bounce', 'list']);
  const eager = await publish('Eager', ['auto_reply']);
  expect(await answers({ subject: 'away', headers: ['Auto-Submitted: auto-replied'] })).toEqual([
    "It didn't start “Calm”: it is an automatic reply, and that starts only for mail that a person wrote, bounces and mailing lists.",
    "It didn't start “Map”: it is an automatic reply, and that starts only for mail that a person wrote.",
    'It started “Eager”.',
  ]);
  const viewer = rig.viewers[0]!;
  expect((await listFirings(rig.db, viewer, calm, { limit: 10 })).items).toEqual([]);
  expect((await listFirings(rig.db, viewer, eager, { limit: 10 })).items).toMatchObject([{ kind: 'auto_reply' }]);
});

test("a person's mail, what we sent, and a map that was published only later", async () => {
  expect(await answers({ subject: 'one' })).toEqual(['It started “Map”.']);
  expect(await answers({ subject: 'two', from: me, to: anna })).toEqual([]);
  rig.server.mailboxes.get(me)!.append('INBOX', mail({ from: anna, to: me, subject: 'before' }));
  await rig.pass(connection);
  await publish('Late', []);
  const [item] = await rig.db
    .selectFrom('log_item as li')
    .innerJoin('message as m', 'm.id', 'li.message_id')
    .select('li.id')
    .where('li.account_id', '=', rig.accountId)
    .where('m.subject', '=', 'before')
    .execute();
  const found = await whyFired(rig.db, rig.viewers[0]!, [item!.id]);
  expect(found.map(({ map, fired, explanation }) => [map.name, fired, explanation])).toEqual(
    expect.arrayContaining([['Late', false, "It didn't start “Late”: it came before that was switched on."]]),
  );
});

describe('an automation that was paused', () => {
  const list = ['List-Id: <news.customer.example>'];
  const notForLists =
    'it is mail of a mailing list or a newsletter, and that starts only for mail that a person wrote.';

  test('answers by what it was when the mail came', async () => {
    const viewer = rig.viewers[0]!;
    await answers({ subject: 'early' });
    const id = await publish('Calm', []);
    await answers({ subject: 'first', headers: list });
    await pauseMap(rig.db, viewer, id);
    await answers({ subject: 'during', headers: list });
    await resumeMap(rig.db, noJobs, viewer, id);
    await answers({ subject: 'second', headers: list });
    await pauseMap(rig.db, viewer, id);
    await answers({ subject: 'again' });
    await publishMap(rig.db, noJobs, viewer, id);
    const found = [];
    for (const subject of ['early', 'first', 'during', 'second', 'again'])
      found.push((await answersTo(subject)).filter((answer) => answer.includes('“Calm”')));
    expect(found.flat().map((answer) => answer.replace("It didn't start “Calm”: ", ''))).toEqual([
      'it came before that was switched on.',
      notForLists,
      'the automation was paused then.',
      notForLists,
      'the automation was paused then.',
    ]);
  });

  test('says of a trigger that was added, or left out for a time, that it was switched on later', async () => {
    const viewer = rig.viewers[0]!;
    const id = await publish('Grows', []);
    const { graph } = await loadMap(rig.db, viewer.accountId, id);
    const withTriggers = async (...triggers: string[]) => {
      const others = graph.elements.filter((element) => element.kind !== 'email_received');
      await editMap(rig.db, viewer, id, {
        graph: {
          elements: [...triggers.map((one) => ({ id: one, kind: 'email_received' as const })), ...others],
          arrows: [...graph.arrows.slice(1), ...triggers.map((from) => ({ from, to: graph.arrows[0]!.to }))],
        },
      });
      await publishMap(rig.db, noJobs, viewer, id);
    };
    await answers({ subject: 'first', headers: list });
    await withTriggers('trigger', 'other');
    const ofBoth = (await answersTo('first')).filter((answer) => answer.includes('“Grows”'));
    expect(ofBoth).toEqual([
      "It didn't start “Grows”: it came before that was switched on.",
      `It didn't start “Grows”: ${notForLists}`,
    ]);
    await withTriggers('other');
    await answers({ subject: 'second', headers: list });
    await withTriggers('trigger', 'other');
    expect((await answersTo('second')).filter((answer) => answer.includes('“Grows”'))).toEqual(ofBoth);
  });
});

test('mail that was found late says so', async () => {
  rig.server.mailboxes.get(me)!.append('INBOX', mail({ from: 'otto@customer.example', to: me, subject: 'early' }));
  await rig.pass(connection);
  await rig.addContact('otto@customer.example');
  expect(await answers({ subject: 'early', from: 'nobody@elsewhere.example' })).toEqual([
    "It didn't start “Map”: its contact or address was added later.",
  ]);
});

test('what the viewer may not see has no answer', async () => {
  await rig.db.updateTable('connection').set({ sharing: 'private' }).where('id', '=', connection).execute();
  expect(await answers({ subject: 'hidden' }, rig.viewers[1])).toEqual([]);
});
