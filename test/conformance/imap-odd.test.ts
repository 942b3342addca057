import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailbox } from '../../src/providers/provider.ts';
import { type OddImap, openOddMailbox, startOddImap } from './odd-imap.ts';
import { cursorAfter, fetchAll, idsOf, longAgo, pagesOf } from './provider-suite.ts';

const inbox = { ref: 'INBOX', folders: ['INBOX'] };
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

const many = (count: number, prefix: string) => {
  for (let index = 0; index < count; index += 1) server.append(`${prefix}${index}`);
};
const changes = (cursor: string) => pagesOf(mailbox, inbox, cursor);

describe('a server that', () => {
  test.each(['hangsUp', 'mute'] as const)(
    'fails (%s) while a folder begins to be watched ends the watch alone',
    async (how) => {
      server.capabilities = 'IMAP4rev1 IDLE';
      server[how] = 'EXAMINE';
      const uncaught: unknown[] = [];
      const hear = (error: unknown) => void uncaught.push(error);
      process.prependListener('uncaughtException', hear);
      try {
        await expect(
          mailbox.watch(
            [inbox],
            () => {},
            () => {},
          ),
        ).rejects.toMatchObject({ kind: 'transient' });
        await new Promise((resolve) => setImmediate(resolve));
        expect(uncaught).toEqual([]);
      } finally {
        process.off('uncaughtException', hear);
      }
    },
  );

  test('always says by STATUS that nothing is new is read when it is opened, and the inbox goes on being watched', async () => {
    server.capabilities = 'IMAP4rev1 IDLE';
    const sent = { ref: 'INBOX.Gesendet', folders: ['INBOX.Gesendet'] };
    const status = /^STATUS "?([^" ]+)/;
    server.script = (command, tag) =>
      status.test(command)
        ? [`* STATUS ${status.exec(command)![1]} (MESSAGES 1 UIDVALIDITY 7 UIDNEXT 2)`, `${tag} OK`]
        : null;
    server.append('before');
    const start = await mailbox.start(sent);
    const wakes: string[] = [];
    await mailbox.watch(
      [inbox, sent],
      ({ ref }) => wakes.push(ref),
      () => {},
    );
    await expect.poll(() => wakes).toHaveLength(2);
    server.append('new');
    wakes.length = 0;
    expect(idsOf(await pagesOf(mailbox, sent, start))).toEqual(['new']);
    // What came to it while the other one was open.
    await expect.poll(() => wakes).toEqual(['INBOX']);
  });

  test('lists folders twice, or by names that nothing can hold, is read without those', async () => {
    server.folders = ['INBOX', 'INBOX', '"a\0b"', '"a\x07b"', `"${'n'.repeat(9000)}"`, '""', '"<b>"'];
    expect((await mailbox.folders()).map(({ ref }) => ref)).toEqual(['INBOX', '<b>']);
  });

  test('names folders in no modified UTF-7 has them shown, each for itself, and opens none by another name', async () => {
    server.folders = ['INBOX', '"R&-D"', '"R&D"', '"&AGE-bc"', '"abc"', '"Café"', '"Tom & Jerry"', '"&U,BTFw-"'];
    const folders = await mailbox.folders();
    expect(folders.filter(({ selectable }) => selectable).map(({ ref, name }) => [ref, name])).toEqual(
      ['INBOX', 'abc', 'R&D', '台北'].map((name) => [name, name]),
    );
    const shown = folders.filter(({ selectable }) => !selectable);
    expect(shown.map(({ name }) => name).sort()).toEqual(['&AGE-bc', 'Café', 'R&D', 'Tom & Jerry']);
    expect(new Set(folders.map(({ ref }) => ref)).size).toBe(8);
    expect(mailbox.streams(folders)).toHaveLength(4);
  });

  test('lists folders without end is hung up on', async () => {
    server.listsForever = true;
    await expect(mailbox.folders()).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(/without end/),
    });
  });

  test('gives a message without end is left with it', async () => {
    server.append('endless', { body: 'x'.repeat(300_000) });
    let pieces = 0;
    server.script = (command, tag) => {
      const asked = /BODY\.PEEK\[\]<(\d+)\.(\d+)>/.exec(command);
      if (!asked) return null;
      pieces += 1;
      return [`* 1 FETCH (UID 1 BODY[]<${asked[1]}> {${asked[2]}}\r\n${'x'.repeat(Number(asked[2]))})`, `${tag} OK`];
    };
    const fetched = fetchAll(mailbox, [{ folder: 'INBOX', epoch: '7', ref: '1' }]);
    await expect(fetched).rejects.toMatchObject({ kind: 'protocol', folderOnly: true });
    expect(pieces).toBe(2);
  });

  test('lists more folders than anybody can look through is refused', async () => {
    server.folders = Array.from({ length: 20_000 }, (_, index) => `f${index}`);
    await expect(mailbox.folders()).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringMatching(/folders/),
    });
  });

  test('shows a UID late loses nothing', async () => {
    many(500, 'old');
    const late = server.append('late', { hidden: true });
    server.append('shown');
    const start = await mailbox.start(inbox);
    expect(await changes(start)).toEqual([]);
    late.hidden = false;
    const pages = await changes(start);
    expect(idsOf(pages)).toEqual(['late']);
    const { places } = pages[0]!.listed[0]!;
    expect(mailbox.predates(places[0]!, start)).toBe(false);
    expect(mailbox.predates({ ...places[0]!, ref: '3' }, start)).toBe(true);
    expect(await changes(cursorAfter(pages, start))).toEqual([]);
    expect(await mailbox.stale([{ stream: inbox, cursor: start }])).toEqual([inbox]);
  });

  test('edge case 2: gives out UIDs a second time loses nothing', async () => {
    many(300, 'old');
    const start = await mailbox.start(inbox);
    server.append('lost');
    const before = await changes(start);
    expect(before[0]!.listed[0]!.places[0]).toEqual({ folder: 'INBOX', epoch: '7', ref: '301' });
    // Restored from a backup.
    server.messages.splice(250);
    server.uidNext = 251;
    server.append('new');
    expect(server.messages.at(-1)!.uid).toBe(251);
    const pages = await changes(cursorAfter(before, start));
    expect(pages[0]!.reset).toEqual({ folder: 'INBOX', epoch: '7.1' });
    expect(idsOf(pages)).toContain('new');
    const found = pages
      .flatMap((page) => page.listed)
      .find((row) => 'messageId' in row.head && row.head.messageId === 'new')!;
    expect(found.places).toEqual([{ folder: 'INBOX', epoch: '7.1', ref: '251' }]);
    expect(await fetchAll(mailbox, found.places)).toMatchObject([{ raw: expect.any(Buffer) }]);
    const cursor = cursorAfter(pages, start);
    expect(await changes(cursor)).toEqual([]);
    const listed: string[] = [];
    for await (const rows of mailbox.list(
      { ref: 'INBOX', name: '', role: null, selectable: true },
      { since: longAgo, cursor },
    ))
      listed.push(...rows.map((row) => row.places[0]!.epoch));
    expect(new Set(listed)).toEqual(new Set(['7.1']));
  });

  test('edge case 2: goes back to an earlier UIDVALIDITY gets an epoch that was never there', async () => {
    server.append('one');
    let cursor = await mailbox.start(inbox);
    const epochs: (string | undefined)[] = [];
    for (const uidValidity of [8, 7, 8, 9]) {
      server.uidValidity = uidValidity;
      server.append(`at ${uidValidity}`);
      const pages = await changes(cursor);
      expect(idsOf(pages)).toHaveLength(server.messages.length);
      epochs.push(pages[0]!.reset?.epoch);
      cursor = cursorAfter(pages, cursor);
    }
    expect(epochs).toEqual(['8', '7.1', '8.2', '9.2']);
  });

  test('edge case 11: merely tells a wrong UIDNEXT is believed what it lists', async () => {
    many(10, 'old');
    const start = await mailbox.start(inbox);
    server.append('new');
    const first = await changes(start);
    server.uidNext = 3;
    const pages = await changes(cursorAfter(first, start));
    expect(idsOf([...first, ...pages])).toEqual(['new']);
    expect(pages.every((page) => page.reset === undefined)).toBe(true);
  });

  test('edge case 11: tells no UIDNEXT and no receive time works', async () => {
    many(3, 'old');
    server.uidNext = null;
    server.internalDate = false;
    const start = await mailbox.start(inbox);
    expect(await changes(start)).toEqual([]);
    server.append('new');
    const pages = await changes(start);
    expect(idsOf(pages)).toEqual(['new']);
    expect(pages[0]!.listed[0]!.receivedAt).toBeNull();
    expect(await changes(cursorAfter(pages, start))).toEqual([]);
    // One comes and one goes in between: the count says nothing.
    const cursor = cursorAfter(pages, start);
    server.messages.shift();
    server.append('another');
    expect(await mailbox.stale([{ stream: inbox, cursor }])).toEqual([inbox]);
    const [page] = await changes(cursor);
    expect([idsOf([page!]), page!.vanished.map(({ ref }) => ref)]).toEqual([['another'], ['1']]);
  });

  test('has no special use is read by the names of its folders', async () => {
    const folders = await mailbox.folders();
    expect(folders.map(({ ref, name, role }) => [ref, name, role])).toEqual([
      ['INBOX', 'INBOX', 'inbox'],
      ['INBOX.Gesendet', 'INBOX/Gesendet', 'sent'],
    ]);
  });

  test('refuses to search is listed all the same', async () => {
    const start = await mailbox.start(inbox);
    many(3, 'm');
    server.searches = false;
    server.uidValidity = 8;
    expect(idsOf(await changes(start))).toEqual(['m0', 'm1', 'm2']);
  });

  test('edge case 12: withholds a head gets it quarantined, and a text is worth another try', async () => {
    const start = await mailbox.start(inbox);
    server.append('a');
    server.append('b', { withheld: true });
    server.append('c');
    const pages = await changes(start);
    expect(pages.flatMap((page) => page.listed).map((row) => 'unreadable' in row.head)).toEqual([false, true, false]);
    const places = pages[0]!.listed.map((row) => row.places[0]!);
    expect(
      (await fetchAll(mailbox, places)).map((answer) => answer.failed?.kind ?? answer.raw!.toString().slice(-9)),
    ).toEqual(['text of a', 'transient', 'text of c']);
  });

  test.each([
    ['hangs up', 1],
    ['hangs up', 3],
    ['falls silent', 1],
    ['falls silent', 3],
  ])('%s once, between the listing and the fetch of %i, gives what was listed', async (how, count) => {
    const start = await mailbox.start(inbox);
    many(count, 'm');
    const pages = await changes(start);
    const places = pages.flatMap((page) =>
      page.listed.map(({ places: [place], size, receivedAt }) => ({ ...place!, size, receivedAt })),
    );
    server[how === 'hangs up' ? 'hangsUp' : 'mute'] = 'UID FETCH';
    // With the next connection it is well again.
    server.script = (command) => {
      if (/^(LOGIN|AUTHENTICATE)/.test(command)) server.hangsUp = server.mute = null;
      return null;
    };
    expect((await fetchAll(mailbox, places)).map(({ raw }) => raw?.toString().slice(-9))).toEqual(
      places.map((_, index) => `text of m${index}`.slice(-9)),
    );
  });

  test('dies of one message still gives the others', async () => {
    const start = await mailbox.start(inbox);
    many(20, 'before');
    const deadly = server.append('deadly', { deadly: true });
    many(20, 'after');
    const pages = await changes(start);
    const rows = pages.flatMap((page) => page.listed);
    expect(rows).toHaveLength(41);
    expect(rows.filter((row) => 'unreadable' in row.head).map((row) => row.places[0]!.ref)).toEqual([
      String(deadly.uid),
    ]);
    const answers = await fetchAll(
      mailbox,
      rows.map((row) => row.places[0]!),
    );
    expect(answers.filter((answer) => answer.failed).map((answer) => answer.place.ref)).toEqual([String(deadly.uid)]);
    expect(await changes(cursorAfter(pages, start))).toEqual([]);
  });

  test('stalls ends in an error, in bounded time', async () => {
    const start = await mailbox.start(inbox);
    server.append('a');
    server.mute = 'EXAMINE';
    const began = performance.now();
    await expect(changes(start)).rejects.toMatchObject({
      name: 'ProviderError',
      kind: 'transient',
      reason: 'unreachable',
    });
    // Of its second, not of the minute that is usual.
    expect(performance.now() - began).toBeLessThan(40_000);
    server.mute = null;
    expect(idsOf(await changes(start))).toEqual(['a']);
  });

  test('opens folders read-only and looks without touching', async () => {
    const start = await mailbox.start(inbox);
    server.append('a');
    const pages = await changes(start);
    await fetchAll(mailbox, pages[0]!.listed[0]!.places);
    expect(server.lines.filter((line) => /SELECT|STORE|EXPUNGE|CLOSE|BODY\[|RFC822(?!\.SIZE)/.test(line))).toEqual([]);
  });
});
