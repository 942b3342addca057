import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  Cursor,
  Fetched,
  Listed,
  Mailbox,
  Page,
  PastPage,
  Place,
  Provider,
  Stream,
} from '../../src/providers/provider.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { mail } from '../fixtures/mail.ts';

/** A mailbox that the tests change by other means than the provider. Messages are named by their Message-ID. */
export interface Rig {
  provider: Provider;
  settings: unknown;
  credentials: unknown;
  wrongCredentials: unknown;
  address: string;
  /** At most so many heads in a page. */
  pageSize: number;
  /** How the server's own way differs from what the suite expects of all. */
  differences?: Differences;
  createFolder(ref: string): Promise<void>;
  deleteFolder(ref: string): Promise<void>;
  renameFolder(ref: string, to: string): Promise<void>;
  append(folder: string, raw: string, options?: { receivedAt?: Date; flags?: string[] }): Promise<void>;
  remove(folder: string, messageId: string): Promise<void>;
  move(folder: string, messageId: string, to: string): Promise<void>;
  /** UIDVALIDITY of the folder changes. */
  renewEpoch(folder: string): Promise<void>;
  /** Everything about the mailbox that a client could change, by the server's own tools. */
  state(): Promise<string>;
  close(): Promise<void>;
}

export interface Differences {
  /** What stands before the names of folders. */
  prefix?: string;
  /** A renamed folder is numbered anew: only what is in it tells (sync/renames.ts). */
  renumbersOnRename?: boolean;
}

export const longAgo = new Date('2000-01-01');

export async function pagesOf(mailbox: Mailbox, stream: Stream, cursor: Cursor, since = longAgo): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of mailbox.changes(stream, cursor, since)) pages.push(page);
  return pages;
}

export const idOf = (listed: Listed) => ('unreadable' in listed.head ? listed.head.unreadable : listed.head.messageId);
export const idsOf = (pages: Page[]) => pages.flatMap((page) => page.listed).map(idOf);
export const cursorAfter = (pages: Page[], before: Cursor) => pages.at(-1)?.cursor ?? before;
export const message = (id: string, text = 'hello') =>
  mail({ from: 'anna@customer.example', to: 'bob@test.example', subject: id, messageId: `${id}@x.example`, text });
export const ref = (id: string) => `${id}@x.example`;

export async function fetchAll(
  mailbox: Mailbox,
  places: Parameters<Mailbox['fetch']>[0],
): Promise<{ place: Place; raw?: Buffer; failed?: ProviderError }[]> {
  const all = [];
  for await (const fetched of mailbox.fetch(places)) all.push(await readFetched(fetched));
  return all;
}

async function readFetched(fetched: Fetched) {
  return 'failed' in fetched ? fetched : { place: fetched.place, raw: await buffer(fetched.raw) };
}

/** What every provider promises; `makeRig` gives an empty mailbox with an Inbox and a Sent folder. */
export function providerSuite(name: string, makeRig: () => Promise<Rig>): void {
  describe(`a mailbox by ${name}`, () => {
    let rig: Rig;
    let mailbox: Mailbox;
    const streamOf = (folder: string): Stream => ({ ref: folder, folders: [folder] });
    const inbox = streamOf('INBOX');
    const at = (name: string) => `${rig.differences?.prefix ?? ''}${name}`;

    beforeEach(async () => {
      rig = await makeRig();
      mailbox = await rig.provider.open(rig.settings, rig.credentials);
    });
    afterEach(async () => {
      await mailbox.close();
      await rig.close();
    });

    test('belongs to whom it was opened for', async () => {
      expect((await mailbox.whoami()).address).toBe(rig.address);
    });

    test('is not opened with a wrong password', async () => {
      const error = await rig.provider.open(rig.settings, rig.wrongCredentials).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ProviderError);
      expect(error).toMatchObject({ kind: 'auth', message: 'The server refused this password.' });
      expect(JSON.stringify(error)).not.toContain(JSON.stringify(rig.wrongCredentials));
    });

    test('shows its folders, their roles, and a stream for each', async () => {
      await rig.createFolder(at('Kunden & Müller'));
      const folders = await mailbox.folders();
      expect(folders.find((folder) => folder.role === 'inbox')).toMatchObject({ ref: 'INBOX', selectable: true });
      expect(folders.find((folder) => folder.role === 'sent')).toMatchObject({ ref: at('Sent') });
      expect(folders.find((folder) => folder.ref === at('Kunden & Müller'))).toMatchObject({
        role: null,
        selectable: true,
      });
      expect(mailbox.streams(folders).map((stream) => stream.folders)).toContainEqual([at('Kunden & Müller')]);
    });

    test('lists what arrived since the cursor, once, in order', async () => {
      await rig.append('INBOX', message('old'));
      const start = await mailbox.start(inbox);
      expect(await pagesOf(mailbox, inbox, start)).toEqual([]);
      await rig.append('INBOX', message('one'), { receivedAt: new Date('2026-01-02T03:04:05Z'), flags: ['\\Seen'] });
      await rig.append('INBOX', message('two'));
      const pages = await pagesOf(mailbox, inbox, start);
      expect(idsOf(pages)).toEqual([ref('one'), ref('two')]);
      const [first] = pages[0]!.listed as [Listed];
      expect(first).toMatchObject({ receivedAt: new Date('2026-01-02T03:04:05Z'), size: message('one').length });
      expect(first.flags).toContain('\\Seen');
      expect(first.places).toHaveLength(1);
      expect(first.places[0]).toMatchObject({ folder: 'INBOX' });
      expect(await pagesOf(mailbox, inbox, cursorAfter(pages, start))).toEqual([]);
      expect(idsOf(await pagesOf(mailbox, inbox, start))).toEqual([ref('one'), ref('two')]);
    });

    test('goes on after any page, also with another connection', { timeout: 120_000 }, async () => {
      const start = await mailbox.start(inbox);
      const count = rig.pageSize * 2 + 3;
      for (let index = 0; index < count; index += 1) await rig.append('INBOX', message(`m${index}`));
      const all = Array.from({ length: count }, (_, index) => ref(`m${index}`));
      for await (const first of mailbox.changes(inbox, start, longAgo)) {
        expect(first.listed).toHaveLength(rig.pageSize);
        const second = await rig.provider.open(rig.settings, rig.credentials);
        const rest = await pagesOf(second, inbox, first.cursor);
        expect(idsOf([first, ...rest])).toEqual(all);
        await second.close();
        break;
      }
      const pages = await pagesOf(mailbox, inbox, start);
      expect(pages.length).toBeGreaterThan(2);
      expect(idsOf(pages)).toEqual(all);
      for (const [index, page] of pages.entries()) {
        const rest = await pagesOf(mailbox, inbox, page.cursor);
        expect(idsOf([...pages.slice(0, index + 1), ...rest])).toEqual(all);
      }
    });

    test('edge case 8: a move is a new sighting there, and vanished here', async () => {
      await rig.createFolder(at('Projects'));
      const projects = streamOf(at('Projects'));
      await rig.append('INBOX', message('before'));
      const [here, there] = [await mailbox.start(inbox), await mailbox.start(projects)];
      await rig.append('INBOX', message('moved'));
      const first = await pagesOf(mailbox, inbox, here);
      await rig.move('INBOX', ref('moved'), at('Projects'));
      const left = await pagesOf(mailbox, inbox, cursorAfter(first, here));
      expect(left.flatMap((page) => page.vanished)).toEqual(first[0]!.listed[0]!.places);
      expect(idsOf(left)).toEqual([]);
      expect(idsOf(await pagesOf(mailbox, projects, there))).toEqual([ref('moved')]);
    });

    test('knows which messages were there when a cursor was taken', async () => {
      await rig.append('INBOX', message('old'));
      const start = await mailbox.start(inbox);
      await rig.append('INBOX', message('new'));
      const all: Listed[] = [];
      for await (const rows of mailbox.list(
        { ref: 'INBOX', name: 'INBOX', role: 'inbox', selectable: true },
        { since: longAgo },
      ))
        all.push(...rows);
      expect(all.map((row) => [idOf(row), mailbox.predates(row.places[0]!, start)])).toEqual([
        [ref('old'), true],
        [ref('new'), false],
      ]);
      await rig.renewEpoch('INBOX');
      const [page] = await pagesOf(mailbox, inbox, start);
      expect(mailbox.predates(page!.listed[0]!.places[0]!, start)).toBe('unknown');
    });

    test('lists a range of receive times', async () => {
      const days = ['2026-03-01', '2026-03-02', '2026-03-03'];
      for (const day of days) await rig.append('INBOX', message(day), { receivedAt: new Date(`${day}T12:00:00Z`) });
      const found: (string | null)[] = [];
      const range = { since: new Date('2026-03-02T00:00:00Z'), until: new Date('2026-03-03T12:00:00Z') };
      for await (const rows of mailbox.list({ ref: 'INBOX', name: '', role: null, selectable: true }, range))
        found.push(...rows.map(idOf));
      expect(found).toEqual([ref('2026-03-02')]);
    });

    test(
      'lists a range newest first, and goes on from any position with another connection',
      { timeout: 120_000 },
      async () => {
        const start = await mailbox.start(inbox);
        const folder = { ref: 'INBOX', name: '', role: null, selectable: true };
        const count = rig.pageSize * 2 + 3;
        await rig.append('INBOX', message('ancient'), { receivedAt: new Date('2001-01-01') });
        for (let index = 0; index < count; index += 1)
          await rig.append('INBOX', message(`m${index}`), { receivedAt: new Date(Date.UTC(2026, 2, 1, index)) });
        const all = Array.from({ length: count }, (_, index) => ref(`m${count - 1 - index}`));
        const range = { since: new Date('2026-01-01'), cursor: start };
        const pastOf = async (from: Mailbox, position: string | null, since = range.since) => {
          const pages: PastPage[] = [];
          for await (const page of from.past(folder, { ...range, since, position })) pages.push(page);
          return pages;
        };
        const idsIn = (pages: PastPage[]) => pages.flatMap((page) => page.listed).map(idOf);
        const pages = await pastOf(mailbox, null);
        expect(pages.length).toBeGreaterThan(2);
        expect(idsIn(pages)).toEqual(all);
        expect(pages.map((page) => page.left)).toEqual(pages.map((_, i) => idsIn(pages.slice(i + 1)).length));
        const second = await rig.provider.open(rig.settings, rig.credentials);
        for (const [i, { position }] of pages.entries()) {
          const rest = await pastOf(second, position);
          expect(new Set(idsIn([...pages.slice(0, i + 1), ...rest]))).toEqual(new Set(all));
          if (pages.length === i + 1) expect(rest).toEqual([]);
        }
        await second.close();
        expect(idsIn(await pastOf(mailbox, null, new Date(0)))).toEqual([...all, ref('ancient')]);
        expect(pages[0]!.listed.every((row) => row.places[0]!.epoch === pages[0]!.listed[0]!.places[0]!.epoch)).toBe(
          true,
        );
      },
    );

    test('edge case 1: lists the folder anew under a new epoch, bounded by since', async () => {
      await rig.append('INBOX', message('ancient'), { receivedAt: new Date('2001-01-01') });
      await rig.append('INBOX', message('old'));
      const start = await mailbox.start(inbox);
      await rig.append('INBOX', message('known'));
      const before = await pagesOf(mailbox, inbox, start);
      await rig.append('INBOX', message('gap'));
      await rig.renewEpoch('INBOX');
      const pages = await pagesOf(mailbox, inbox, cursorAfter(before, start), new Date(Date.now() - 3_600_000));
      const { reset } = pages[0]!;
      expect(reset).toMatchObject({ folder: 'INBOX' });
      expect(reset!.epoch).not.toBe(before[0]!.listed[0]!.places[0]!.epoch);
      expect(pages.slice(1).every((page) => page.reset === undefined)).toBe(true);
      expect(idsOf(pages)).toEqual([ref('old'), ref('known'), ref('gap')]);
      expect(pages.flatMap((page) => page.listed).every((row) => row.places[0]!.epoch === reset!.epoch)).toBe(true);
      await rig.append('INBOX', message('after'));
      expect(idsOf(await pagesOf(mailbox, inbox, cursorAfter(pages, start)))).toEqual([ref('after')]);
      const old = await fetchAll(mailbox, before[0]!.listed[0]!.places);
      expect(old).toMatchObject([{ failed: { kind: 'gone' } }]);
    });

    test('edge case 21: recognises a folder that was renamed, and only that one', async () => {
      await rig.createFolder(at('Projects'));
      await rig.createFolder(at('Gone'));
      await rig.append(at('Projects'), message('one'));
      await rig.append(at('Gone'), message('two'));
      const gone = await Promise.all(
        ['Projects', 'Gone'].map(at).map(async (name) => ({
          stream: streamOf(name),
          cursor: await mailbox.start(streamOf(name)),
        })),
      );
      await rig.renameFolder(at('Projects'), at('Kunden & Müller'));
      await rig.deleteFolder(at('Gone'));
      await rig.createFolder(at('Other'));
      await rig.append(at('Other'), message('three'));
      await rig.append(at('Kunden & Müller'), message('four'));
      const appeared = ['Other', 'Kunden & Müller', 'No such folder'].map((name) => streamOf(at(name)));
      const found = await mailbox.renamed(gone, appeared);
      const expected = rig.differences?.renumbersOnRename ? [] : [[at('Projects'), at('Kunden & Müller')]];
      expect(found.map(({ from, to }) => [from.ref, to.ref])).toEqual(expected);
      const listed = idsOf(await pagesOf(mailbox, streamOf(at('Kunden & Müller')), gone[0]!.cursor));
      expect(listed).toContain(ref('four'));
    });

    test('names the streams that are worth asking', async () => {
      await rig.createFolder(at('Projects'));
      await rig.createFolder(at('Gone'));
      const streams = ['INBOX', at('Sent'), at('Projects'), at('Gone')].map(streamOf);
      const cursors = await Promise.all(streams.map((stream) => mailbox.start(stream)));
      const asked = () => mailbox.stale(streams.map((stream, index) => ({ stream, cursor: cursors[index]! })));
      expect(await asked()).toEqual([]);
      await rig.append(at('Sent'), message('sent'));
      await rig.deleteFolder(at('Gone'));
      expect((await asked()).map((stream) => stream.ref)).toEqual([at('Sent'), at('Gone')]);
      cursors[1] = cursorAfter(await pagesOf(mailbox, streams[1]!, cursors[1]!), cursors[1]!);
      expect((await asked()).map((stream) => stream.ref)).toEqual([at('Gone')]);
      await rig.remove(at('Sent'), ref('sent'));
      expect((await asked()).map((stream) => stream.ref)).toContain(at('Sent'));
      const last = await pagesOf(mailbox, streams[1]!, cursors[1]!);
      cursors[1] = cursorAfter(last, cursors[1]!);
      expect((await asked()).map((stream) => stream.ref)).toEqual([at('Gone')]);
      expect(await mailbox.stale([{ stream: streams[1]!, cursor: cursors[1]! }])).toEqual([]);
    });

    test('fetches in the order asked for, and answers for each', async () => {
      const start = await mailbox.start(inbox);
      for (const id of ['a', 'b', 'c', 'd']) await rig.append('INBOX', message(id));
      await rig.append(at('Sent'), message('s'));
      const places = (await pagesOf(mailbox, inbox, start)).flatMap((page) => page.listed).map((row) => row.places[0]!);
      const [a, b, c, d] = places as [Place, Place, Place, Place];
      await rig.remove('INBOX', ref('c'));
      const nowhere = { folder: at('No such folder'), epoch: '1', ref: '1' };
      const asked = [d, a, nowhere, c, b, a];
      const answers = await fetchAll(mailbox, asked);
      expect(answers.map((answer) => answer.place)).toEqual(asked);
      expect(answers.map((answer) => answer.failed?.kind ?? answer.raw!.toString())).toEqual(
        [message('d'), message('a'), 'gone', 'gone', message('b'), message('a')].map((text) =>
          text === 'gone' ? text : expect.stringContaining(text.match(/Message-ID: .*/)![0]),
        ),
      );
    });

    test('a folder that vanished is gone, the others are not', async () => {
      await rig.createFolder(at('Gone'));
      const gone = streamOf(at('Gone'));
      const [cursor, start] = [await mailbox.start(gone), await mailbox.start(inbox)];
      await rig.deleteFolder(at('Gone'));
      await rig.append('INBOX', message('one'));
      await expect(pagesOf(mailbox, gone, cursor)).rejects.toMatchObject({ name: 'ProviderError', kind: 'gone' });
      await expect(mailbox.start(gone)).rejects.toMatchObject({ kind: 'gone' });
      expect(idsOf(await pagesOf(mailbox, inbox, start))).toEqual([ref('one')]);
    });

    test('wakes the right stream', async () => {
      const sent = streamOf(at('Sent'));
      const cursor = await mailbox.start(sent);
      const wakes: string[] = [];
      const errors: ProviderError[] = [];
      const stop = await mailbox.watch(
        [inbox, sent],
        (stream) => wakes.push(stream.ref),
        (error) => errors.push(error),
      );
      await expect.poll(() => wakes.sort()).toEqual(['INBOX', at('Sent')]);
      let after = cursor;
      for (const id of ['first', 'second', 'third']) {
        wakes.length = 0;
        await rig.append(at('Sent'), message(id));
        await expect.poll(() => wakes).toContain(at('Sent'));
        expect(wakes).not.toContain('INBOX');
        const pages = await pagesOf(mailbox, sent, after);
        expect(idsOf(pages)).toEqual([ref(id)]);
        after = cursorAfter(pages, after);
        expect(await fetchAll(mailbox, pages[0]!.listed[0]!.places)).toMatchObject([{ raw: expect.any(Buffer) }]);
      }
      await stop();
      expect(errors).toEqual([]);
    });

    test('changes nothing on the server', async () => {
      const start = await mailbox.start(inbox);
      for (const id of ['a', 'b']) await rig.append('INBOX', message(id));
      await rig.append('INBOX', message('seen'), { flags: ['\\Seen'] });
      const before = await rig.state();
      const stop = await mailbox.watch(
        [inbox],
        () => undefined,
        () => undefined,
      );
      const pages = await pagesOf(mailbox, inbox, start);
      await fetchAll(
        mailbox,
        pages.flatMap((page) => page.listed.flatMap((row) => row.places)),
      );
      for await (const rows of mailbox.list(
        { ref: 'INBOX', name: '', role: null, selectable: true },
        { since: longAgo },
      ))
        expect(rows).toHaveLength(3);
      await mailbox.stale([{ stream: inbox, cursor: start }]);
      await stop();
      expect(await rig.state()).toBe(before);
    });

    test('lists malformed heads as they are', async () => {
      const start = await mailbox.start(inbox);
      await rig.append('INBOX', 'Subject: only this\r\n\r\nbody');
      await rig.append(
        'INBOX',
        `From: =?utf-8?Q?J=C3=BC?= <a@x.example>\r\nDate: nonsense\r\nMessage-ID:\r\n <folded@x.example>\r\n\r\n`,
      );
      const heads = (await pagesOf(mailbox, inbox, start)).flatMap((page) => page.listed).map((row) => row.head);
      expect(heads).toMatchObject([
        { subject: 'only this', messageId: null, date: null, from: [] },
        { messageId: 'folded@x.example', date: null, from: [{ name: 'Jü', address: 'a@x.example' }] },
      ]);
    });

    test('refuses a cursor that it has not made', async () => {
      for (const cursor of ['', '{}', 'null', '{"v":2}', '[]'])
        await expect(pagesOf(mailbox, inbox, cursor), cursor).rejects.toMatchObject({ kind: 'protocol' });
    });
  });
}
