import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishLine } from '../../test/fixtures/automation.ts';
import { mail } from '../../test/fixtures/mail.ts';
import { noJobs, syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { askForHistory, changeHistory, viewHistory } from '../connections/history.ts';
import type { AskedHistory } from '../connections/history.ts';
import { viewConnection } from '../connections/view.ts';
import { ProviderError } from '../providers/provider.ts';
import type { PastPage } from '../providers/provider.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';
import { HistoryImport } from './history.ts';
import { loadStreams } from './streams.ts';
import { syncStream } from './sync-stream.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';
const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
});
afterEach(async () => {
  await database.db.updateTable('connection').set({ state: 'paused' }).where('state', '<>', 'deleted').execute();
  await checkInvariants(database.db);
});

const box = (address = me) => rig.server.mailboxes.get(address)!;
const everything: AskedHistory = { since: null, until: null, fires: false };
const ask = (id: string, asked: Partial<AskedHistory> = {}) =>
  askForHistory(rig.db, rig.viewers[0]!, id, { ...everything, ...asked });
const view = async (id: string) => (await viewHistory(rig.db, rig.accountId, id))[0]!;
/** An email of Anna's that the server received so many days ago. */
const deliver = (subject: string, days: number, folder = 'INBOX', address = me) =>
  box(address).append(folder, mail({ from: anna, to: address, subject, messageId: `${subject}@x`, date: ago(days) }), {
    receivedAt: ago(days),
  });
const subjects = async () => (await rig.log()).map((line) => line.split(' | ').slice(1, 3).join(' '));

describe('history', () => {
  test('edge case 14: that was asked for is logged newest first and starts no automation; every message has its row', async () => {
    await rig.addContact(anna);
    for (let i = 12; i > 0; i -= 1) deliver(`old${i}`, i);
    box().append('INBOX', mail({ from: 'stranger@x.example', to: me }), { receivedAt: ago(3) });
    deliver('sent', 2, 'Sent');
    const id = await rig.connect(me);
    await ask(id);
    deliver('new', 0);
    await rig.pass(id);
    expect(await subjects()).toEqual(
      ['new live', ...Array.from({ length: 12 }, (_, i) => `old${i + 1} history`), 'sent history'].sort(),
    );
    expect(await rig.fired()).toEqual([`${anna} | new`]);
    expect((await rig.ledger()).filter((line) => line.includes('no_contact'))).toHaveLength(1);
    expect(await rig.ledger()).toHaveLength(15);
    expect(await view(id)).toMatchObject({ state: 'done', listed: 14, logged: 13, total: 14 });
  });

  test('edge case 14: a message that arrives during the import and is seen by both is logged once, live, and fires once', async () => {
    await rig.addContact(anna);
    for (let i = 20; i > 0; i -= 1) deliver(`old${i}`, i);
    const id = await rig.connect(me);
    await ask(id);
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    const live = async () => {
      for (const { ref } of await loadStreams(rig.db, rig.accountId, id))
        await syncStream(hold, mailbox, ref, new Suspects());
    };
    await live();
    const history = new HistoryImport(hold, mailbox, new Suspects());
    // The first page is listed before it arrives, the others after; the folder's listing shows it to both.
    expect((await history.step()).worked).toBe(true);
    deliver('during', 0);
    await history.reload();
    while ((await history.step()).worked);
    expect(await subjects()).not.toContain('during live');
    await live();
    await mailbox.close();
    expect(await subjects()).toEqual(
      ['during live', ...Array.from({ length: 20 }, (_, i) => `old${i + 1} history`)].sort(),
    );
    expect(await rig.fired()).toEqual([`${anna} | during`]);
    expect(await view(id)).toMatchObject({ state: 'done', listed: 20, logged: 20, total: 20 });
  });

  test('fires where that was asked for, once for each message, also when it is asked for again', async () => {
    await rig.addContact(anna);
    deliver('quiet', 20);
    deliver('loud', 2);
    const id = await rig.connect(me);
    await ask(id, { since: ago(10), fires: true });
    await rig.pass(id);
    await ask(id, { fires: false });
    await rig.pass(id);
    await ask(id, { fires: true });
    await rig.pass(id);
    expect(await subjects()).toEqual(['loud history', 'quiet history']);
    expect(await rig.fired()).toEqual([`${anna} | loud`]);
  });

  test('of a range takes in that range, and rows that say before_start are decided again', async () => {
    await rig.addContact(anna);
    const moved = deliver('moved', 5);
    deliver('older', 40);
    deliver('younger', 1);
    const id = await rig.connect(me);
    box().move(moved, 'Sent');
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['Sent: skipped before_start']);
    await ask(id, { since: ago(30), until: ago(3) });
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['Sent: logged contact']);
    expect(await subjects()).toEqual(['moved history']);
    const former = await rig.db.selectFrom('decision').select('rule').where('account_id', '=', rig.accountId).execute();
    expect(former).toEqual([{ rule: 'before_start' }]);
    await ask(id, { since: ago(60) });
    await rig.pass(id);
    expect(await subjects()).toEqual(['moved history', 'older history', 'younger history']);
  });

  test('edge case 15: goes by the receive time; what a migration brought stands in the log where its Date says', async () => {
    await rig.addContact(anna);
    box().append('INBOX', mail({ from: anna, to: me, subject: 'migrated', date: ago(900) }), { receivedAt: ago(2) });
    box().append('INBOX', mail({ from: anna, to: me, subject: 'odd date', date: ago(1) }), { receivedAt: ago(50) });
    const id = await rig.connect(me);
    await ask(id, { since: ago(10) });
    await rig.pass(id);
    expect(await subjects()).toEqual(['migrated history']);
    const { at } = await rig.db
      .selectFrom('log_item')
      .where('account_id', '=', rig.accountId)
      .select('at')
      .executeTakeFirstOrThrow();
    expect(Math.abs(at.getTime() - ago(900).getTime())).toBeLessThan(60_000);
    // What a migration puts there after the start is no history, and fires nothing.
    box().append('INBOX', mail({ from: anna, to: me, subject: 'moved here', date: ago(700) }));
    await rig.pass(id);
    expect(await subjects()).toEqual(['migrated history', 'moved here migrated']);
    expect(await rig.fired()).toEqual([]);
  });

  test('that a colleague’s mailbox holds as live mail adds no item and fires nothing', async () => {
    await rig.addContact(anna);
    const theirs = await rig.connect(colleague);
    const text = mail({ from: anna, to: [me, colleague], subject: 'both' });
    box(me).append('INBOX', text);
    const mine = await rig.connect(me);
    box(colleague).append('INBOX', text);
    await rig.pass(theirs);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    await publishLine(rig.db, noJobs, rig.viewers[0]!, [{ kind: 'change_lead_score', by: 1 }]);
    await ask(mine, { fires: true });
    await rig.pass(mine);
    expect(await subjects()).toEqual(['both live']);
    expect(await rig.fired()).toEqual([`${anna} | both`]);
    expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: logged contact']);
  });
});

describe('an import', () => {
  /** Steps of an import, each by a process of its own. */
  async function steps(id: string, most: number): Promise<number> {
    for (let done = 0; done < most; done += 1) {
      const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
      const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
      const history = new HistoryImport(hold, mailbox, new Suspects());
      const { worked } = await history.step();
      await history.close();
      await mailbox.close();
      if (!worked) return done;
    }
    return most;
  }

  test('goes on where it was after a restart, and can be paused, resumed and cancelled', async () => {
    await rig.addContact(anna);
    for (let i = 23; i > 0; i -= 1) deliver(`old${i}`, i);
    deliver('sent', 2, 'Sent');
    const id = await rig.connect(me);
    await rig.pass(id);
    await ask(id);
    await expect(ask(id)).rejects.toMatchObject({ code: 'conflict' });
    expect(await view(id)).toMatchObject({ state: 'running', listed: 0, total: null });
    expect(await viewConnection(rig.db, rig.accountId, id)).toMatchObject({ state: 'importing' });
    await steps(id, 3);
    expect(await view(id)).toMatchObject({ listed: 11, logged: 11, total: 24 });
    // The newest of each folder first.
    expect(await subjects()).toEqual(expect.arrayContaining(['old1 history', 'old10 history', 'sent history']));
    await changeHistory(rig.db, rig.viewers[0]!, id, 'paused');
    expect(await steps(id, 5)).toBe(0);
    await changeHistory(rig.db, rig.viewers[0]!, id, 'running');
    await steps(id, 1);
    expect(await view(id)).toMatchObject({ listed: 16, total: 24 });
    await changeHistory(rig.db, rig.viewers[0]!, id, 'cancelled');
    expect(await steps(id, 5)).toBe(0);
    expect(await view(id)).toMatchObject({ state: 'cancelled', listed: 16, logged: 16 });
    await expect(changeHistory(rig.db, rig.viewers[0]!, id, 'paused')).rejects.toMatchObject({ code: 'conflict' });
    await ask(id);
    await rig.pass(id);
    expect(await view(id)).toMatchObject({ state: 'done', listed: 24, logged: 8 });
    expect(await subjects()).toHaveLength(24);
  });

  test('counts no message twice that is listed again after a restart', async () => {
    await rig.addContact(anna);
    for (let i = 23; i > 0; i -= 1) deliver(`old${i}`, i);
    const id = await rig.connect(me);
    await ask(id);
    const provider = rig.deps.providers['memory']!;
    /** Two pages to a block: the place in the folder moves with the second one alone, as on IMAP. */
    async function* inBlocks(pages: AsyncIterable<PastPage>, start: string | null): AsyncGenerator<PastPage> {
      let position = start;
      let number = 0;
      for await (const page of pages) {
        number += 1;
        if (number % 2 === 0 || page.left === 0) ({ position } = page);
        yield { ...page, position };
      }
    }
    rig.deps.providers['memory'] = {
      ...provider,
      async open(...args) {
        const mailbox = await provider.open(...args);
        return { ...mailbox, past: (folder, range) => inBlocks(mailbox.past(folder, range), range.position) };
      },
    };
    await steps(id, 3);
    expect(await view(id)).toMatchObject({ logged: 5, listed: 0, total: 23 });
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    const history = new HistoryImport(hold, mailbox, new Suspects());
    for (let i = 0; i < 3; i += 1) await history.step();
    expect(await view(id)).toMatchObject({ logged: 15, listed: 10, total: 23 });
    await history.reload();
    await history.step();
    expect(await view(id)).toMatchObject({ logged: 15, listed: 10, total: 23 });
    await mailbox.close();
    await rig.pass(id);
    expect(await view(id)).toMatchObject({ state: 'done', logged: 23, listed: 23, total: 23 });
  });

  test('survives a new numbering of the folder in its midst', async () => {
    await rig.addContact(anna);
    for (let i = 12; i > 0; i -= 1) deliver(`old${i}`, i);
    const id = await rig.connect(me);
    await ask(id);
    await steps(id, 1);
    box().renewEpoch('INBOX');
    await rig.pass(id);
    expect(await subjects()).toHaveLength(12);
    expect(await rig.ledger()).toEqual(Array(12).fill('INBOX: logged contact'));
    expect(await view(id)).toMatchObject({ state: 'done', listed: 12, total: 12 });
    expect(await rig.fired()).toEqual([]);
  });

  test('of a folder that is renumbered while it is read waits for the live stream, which is asked at once, and begins it anew', async () => {
    await rig.addContact(anna);
    for (let i = 22; i > 0; i -= 1) deliver(`old${i}`, i);
    const id = await rig.connect(me, ['INBOX']);
    await ask(id);
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    const history = new HistoryImport(hold, mailbox, new Suspects());
    await history.step();
    box().renewEpoch('INBOX');
    let step = await history.step();
    while (step.worked && step.stale === null) step = await history.step();
    expect(step).toMatchObject({ worked: true, stale: 'INBOX' });
    expect((await view(id)).troubles).toEqual([]);
    await mailbox.close();
    await rig.pass(id);
    expect(await subjects()).toHaveLength(22);
    expect(await view(id)).toMatchObject({ state: 'done', listed: 22, total: 22 });
  });

  test('of nothing ends at once, and a range that makes no sense is refused', async () => {
    const id = await rig.connect(me);
    await expect(ask(id, { since: new Date(Date.now() + day) })).rejects.toMatchObject({ code: 'invalid' });
    await expect(ask(id, { since: ago(3), until: ago(4) })).rejects.toMatchObject({ code: 'invalid' });
    await expect(askForHistory(rig.db, rig.viewers[1]!, id, everything)).rejects.toMatchObject({
      code: expect.stringMatching(/forbidden|not_found/),
    });
    await ask(id);
    await rig.pass(id);
    expect(await view(id)).toMatchObject({ state: 'done', listed: 0, total: 0 });
  });

  test('is not held up by a folder that can’t be read, and says why; live mail goes on meanwhile', async () => {
    await rig.addContact(anna);
    for (let i = 12; i > 0; i -= 1) deliver(`old${i}`, i);
    deliver('sent', 2, 'Sent');
    const id = await rig.connect(me);
    await ask(id);
    box().fail('past', new ProviderError('protocol', 'Garbled.'), { folder: 'Sent', times: 1000 });
    const sync = rig.start();
    try {
      await expect.poll(async () => (await view(id)).logged).toBe(12);
      await expect
        .poll(async () => (await view(id)).troubles, { timeout: 15_000 })
        .toEqual([{ folder: 'Sent', error: 'Garbled.' }]);
      deliver('new', 0);
      await expect.poll(subjects).toContain('new live');
      expect((await view(id)).state).toBe('running');
    } finally {
      await sync.stop();
    }
  });
});
