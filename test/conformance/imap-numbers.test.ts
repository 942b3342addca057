import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailbox, Page } from '../../src/providers/provider.ts';
import { type OddImap, openOddMailbox, startOddImap } from './odd-imap.ts';
import { cursorAfter, idsOf, longAgo, pagesOf } from './provider-suite.ts';

const inbox = { ref: 'INBOX', folders: ['INBOX'] };
const highest = 4_294_967_295;
let server: OddImap;
let mailbox: Mailbox;

beforeEach(async () => {
  server = await startOddImap();
  mailbox = await openOddMailbox(server, { timeoutSeconds: 1 });
});
afterEach(async () => {
  await mailbox.close();
  server[Symbol.dispose]();
});

const changes = (cursor: string) => pagesOf(mailbox, inbox, cursor);

describe('what a server may say', () => {
  test('the highest UID that there is (RFC 9051, 2.3.1.1) is listed once', async () => {
    const start = await mailbox.start(inbox);
    server.append('top', { uid: highest });
    expect(server.uidNext).toBe(highest + 1);
    const pages = await changes(start);
    expect(idsOf(pages)).toEqual(['top']);
    const cursor = cursorAfter(pages, start);
    expect(await changes(cursor)).toEqual([]);
    expect(await mailbox.stale([{ stream: inbox, cursor }])).toEqual([]);
    expect(await changes(await mailbox.start(inbox))).toEqual([]);
  });

  test('the same while the folder is listed anew', async () => {
    server.append('top', { uid: highest });
    const start = await mailbox.start(inbox);
    server.uidValidity = 8;
    const pages = await changes(start);
    expect(idsOf(pages)).toEqual(['top']);
    expect(await changes(cursorAfter(pages, start))).toEqual([]);
  });

  test('an id of the folder that is longer than RFC 8474 allows is left out', async () => {
    server.capabilities = 'IMAP4rev1 OBJECTID';
    server.modSeq = `MAILBOXID (${'F'.repeat(300)})`;
    const start = await mailbox.start(inbox);
    server.append('new');
    expect(idsOf(await changes(start))).toEqual(['new']);
  });
});

describe('what no server may say is refused, in this folder only, before there is a cursor with it:', () => {
  const wrong = {
    name: 'ProviderError',
    kind: 'protocol',
    folderOnly: true,
    message: expect.stringMatching(/numbers/),
  };

  test('a UID that is too high', async () => {
    const start = await mailbox.start(inbox);
    server.append('beyond', { uid: highest + 3 });
    const pages: Page[] = [];
    const read = async () => {
      for await (const page of mailbox.changes(inbox, start, longAgo)) pages.push(page);
    };
    await expect(read()).rejects.toMatchObject(wrong);
    expect(pages).toEqual([]);
    await expect(mailbox.start(inbox)).rejects.toMatchObject(wrong);
  });

  test('no UIDVALIDITY', async () => {
    server.append('one');
    const start = await mailbox.start(inbox);
    server.script = (command, tag) => (command.startsWith('EXAMINE') ? ['* 1 EXISTS', `${tag} OK`] : null);
    await expect(mailbox.start(inbox)).rejects.toMatchObject(wrong);
    await expect(changes(start)).rejects.toMatchObject(wrong);
  });
});

describe('a cursor that can not be read', () => {
  const damaged = (cursor: string, change: object) => JSON.stringify({ ...JSON.parse(cursor), ...change });

  test('has the folder listed anew under the epoch that it names, which its rows are known by', async () => {
    const start = await mailbox.start(inbox);
    for (const id of ['one', 'two']) server.append(id);
    const cursor = damaged(cursorAfter(await changes(start), start), { uidNext: 2 ** 40, generation: 3 });
    server.append('missed');
    expect(await mailbox.stale([{ stream: inbox, cursor }])).toEqual([inbox]);
    const pages = await changes(cursor);
    expect(idsOf(pages)).toEqual(['one', 'two', 'missed']);
    expect(pages[0]!.reset).toEqual({ folder: 'INBOX', epoch: '7.3' });
    expect(pages[0]!.listed.map(({ places }) => places[0]!.epoch)).toEqual(['7.3', '7.3', '7.3']);
    const next = cursorAfter(pages, cursor);
    expect(await changes(next)).toEqual([]);
    server.append('new');
    expect(idsOf(await changes(next))).toEqual(['new']);
  });

  test('under a new one where the server has renumbered it meanwhile', async () => {
    server.append('one');
    const cursor = damaged(await mailbox.start(inbox), { low: -1, past: ['8'], generation: 1 });
    server.uidValidity = 8;
    const pages = await changes(cursor);
    expect(pages[0]!.reset).toEqual({ folder: 'INBOX', epoch: '8.2' });
    expect(idsOf(pages)).toEqual(['one']);
    expect(await changes(cursorAfter(pages, cursor))).toEqual([]);
  });

  test('of an empty folder, too', async () => {
    const cursor = damaged(await mailbox.start(inbox), { recent: 'x' });
    const pages = await changes(cursor);
    expect(idsOf(pages)).toEqual([]);
    server.append('new');
    expect(idsOf(await changes(cursorAfter(pages, cursor)))).toEqual(['new']);
  });

  test('and names no epoch, or is of another version, is refused: what the folder held could be taken for new', async () => {
    const start = await mailbox.start(inbox);
    for (const cursor of ['', 'x', '{}', damaged(start, { v: 2 }), damaged(start, { generation: 'x' })])
      await expect(changes(cursor)).rejects.toMatchObject({
        kind: 'protocol',
        message: expect.stringMatching(/saved position/),
      });
  });

  test('keeps no other folder from being recognised under its new name', async () => {
    server.append('one');
    const cursor = await mailbox.start(inbox);
    const lost = { ref: 'Lost', folders: ['Lost'] };
    const gone = [
      { stream: lost, cursor: damaged(cursor, { low: -1 }) },
      { stream: inbox, cursor },
    ];
    const to = { ref: 'Renamed', folders: ['Renamed'] };
    expect(await mailbox.renamed(gone, [to])).toEqual([{ from: inbox, to, sure: false }]);
  });
});
