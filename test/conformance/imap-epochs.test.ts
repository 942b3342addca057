import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EpochChanged, type Mailbox } from '../../src/providers/provider.ts';
import { type OddImap, openOddMailbox, startOddImap } from './odd-imap.ts';
import { cursorAfter, fetchAll, idsOf, longAgo, pagesOf } from './provider-suite.ts';

const inbox = { ref: 'INBOX', folders: ['INBOX'] };
let server: OddImap;
let mailbox: Mailbox;

beforeEach(async () => {
  server = await startOddImap();
  mailbox = await openOddMailbox(server, { timeoutSeconds: 1, pollSeconds: 0.05 });
});
afterEach(async () => {
  await mailbox.close();
  server[Symbol.dispose]();
});

const changes = (cursor: string, since = longAgo) => pagesOf(mailbox, inbox, cursor, since);

test.each(['list', 'past'] as const)(
  'edge case 2: renumbering a folder while %s reads it is the trouble of that folder, and says what it is',
  async (how) => {
    const cursor = await mailbox.start(inbox);
    for (let index = 0; index < 2100; index += 1) server.append(`m${index}`);
    const folder = { ref: 'INBOX', name: 'INBOX', role: null, selectable: true };
    const range = { since: longAgo, cursor, position: null };
    const read = async () => {
      let pages = 0;
      for await (const _ of mailbox[how](folder, range)) {
        pages += 1;
        if (pages > 1) continue;
        server.uidValidity = 8;
        // The connection opens another folder in between.
        await mailbox.start({ ref: 'INBOX.Gesendet', folders: ['INBOX.Gesendet'] });
      }
    };
    const error = await read().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EpochChanged);
    expect(error).toMatchObject({ kind: 'transient', folderOnly: true });
  },
);

describe('a server that numbers a folder anew whenever it is asked,', () => {
  test('edge case 2: as long as it is empty, costs nothing then, and what comes is listed once', async () => {
    server.renumbers = 'empty';
    const start = await mailbox.start(inbox);
    expect(await mailbox.stale([{ stream: inbox, cursor: start }])).toEqual([]);
    expect(await changes(start)).toEqual([]);
    const wakes: string[] = [];
    const stop = await mailbox.watch(
      [inbox],
      ({ ref }) => wakes.push(ref),
      (error) => wakes.push(error.message),
    );
    const asked = () => server.lines.filter((line) => line.startsWith('STATUS')).length;
    await expect.poll(asked).toBeGreaterThan(4);
    expect(wakes).toEqual(['INBOX']);
    server.append('one');
    await expect.poll(() => wakes.length).toBe(2);
    await stop();
    const pages = await changes(start);
    expect(idsOf(pages)).toEqual(['one']);
    const cursor = cursorAfter(pages, start);
    server.append('two');
    expect(idsOf(await changes(cursor))).toEqual(['two']);
    // Emptied and forgotten.
    server.messages.length = 0;
    server.uidNext = 1;
    const [page, ...more] = await changes(cursor);
    expect(page).toMatchObject({ listed: [], reset: { folder: 'INBOX' } });
    expect(more).toEqual([]);
    expect(await changes(page!.cursor)).toEqual([]);
  });

  test('edge case 2: always, is read all the same, once in each pass', async () => {
    server.append('old');
    const start = await mailbox.start(inbox);
    server.renumbers = 'always';
    server.append('one');
    let cursor = start;
    for (const id of ['one', 'two', 'three']) {
      if (id !== 'one') server.append(id);
      const pages = await changes(cursor);
      expect(idsOf(pages)).toEqual(server.messages.map(({ head }) => /<(.*)>/.exec(head)![1]));
      expect(pages[0]!.reset).toBeDefined();
      const places = pages.flatMap((page) => page.listed).map((row) => row.places[0]!);
      expect((await fetchAll(mailbox, places.slice(-1)))[0]!.raw?.toString()).toContain(`text of ${id}`);
      cursor = cursorAfter(pages, cursor);
    }
  });
});
