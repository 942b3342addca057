import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAddressGuard } from '../../src/net/guard.ts';
import { imapProvider } from '../../src/providers/imap/provider.ts';
import type { Mailbox, Provider, ProviderError } from '../../src/providers/provider.ts';
import { type OddImap, startOddImap } from './odd-imap.ts';
import { cursorAfter, fetchAll, idsOf, longAgo, pagesOf } from './provider-suite.ts';

const inbox = { ref: 'INBOX', folders: ['INBOX'] };
let server: OddImap;
let provider: Provider;
let mailbox: Mailbox;
const settings = () => ({ host: '127.0.0.1', port: server.port, security: 'plain', user: 'bob' });

beforeEach(async () => {
  server = await startOddImap();
  provider = imapProvider({ guard: createAddressGuard(['127.0.0.1']), timeoutSeconds: 3 });
  mailbox = await provider.open(settings(), { password: 'secret' });
});
afterEach(async () => {
  await mailbox.close();
  server[Symbol.dispose]();
});

const many = (count: number, prefix: string, step = 1) => {
  const first = server.uidNext ?? 1;
  for (let index = 0; index < count; index += 1) server.append(`${prefix}${index}`, { uid: first + index * step });
};
const changes = (cursor: string) => pagesOf(mailbox, inbox, cursor);
const asksFor = (command: string, uid: number) =>
  (/^UID FETCH (\S+)/.exec(command)?.[1] ?? '').split(',').some((range) => {
    const [from, to = from] = range.split(':').map(Number) as [number, number?];
    return from <= uid && uid <= to!;
  });
const reopen = async () => {
  await mailbox.close();
  mailbox = await provider.open(settings(), { password: 'secret' });
};

describe('a server that', () => {
  test('edge case 20: hangs up on long commands is never given one', async () => {
    const start = await mailbox.start(inbox);
    many(1200, 'm', 1_000_003);
    server.longestLine = 1000;
    const before = server.connections;
    const pages = await changes(start);
    expect(idsOf(pages)).toHaveLength(1200);
    expect(idsOf(pages).every((id) => /^m\d+$/.test(id!))).toBe(true);
    const places = pages.flatMap((page) => page.listed).map((row) => row.places[0]!);
    const answers = await fetchAll(mailbox, places);
    expect(answers.filter((answer) => answer.failed)).toEqual([]);
    expect(server.lines.filter((line) => line.length > 1000)).toEqual([]);
    expect(server.connections).toBe(before);
  });

  test('edge case 20: hangs up on long commands is asked for many folders in several', async () => {
    server.capabilities = 'IMAP4rev1 LIST-EXTENDED LIST-STATUS';
    await reopen();
    const names = Array.from({ length: 300 }, (_, index) => `A folder with a name of some length ${index}`);
    server.longestLine = 1000;
    server.script = (command, tag) => {
      const asked = /^LIST "" \((.*)\) RETURN/.exec(command)?.[1];
      if (!asked) return null;
      const found = asked.match(/"[^"]+"/g) ?? [];
      return [...found.map((name) => `* STATUS ${name} (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7)`), `${tag} OK`];
    };
    const cursor = await mailbox.start(inbox);
    const [before, lines] = [server.connections, server.lines.length];
    const streams = names.map((ref) => ({ stream: { ref, folders: [ref] }, cursor }));
    expect(await mailbox.stale(streams)).toEqual([]);
    expect(server.connections).toBe(before);
    expect(server.lines.length - lines).toBeLessThan(40);
  });

  test('edge case 11: gives the last message when asked from behind the end on is not believed', async () => {
    many(300, 'old');
    const start = await mailbox.start(inbox);
    // Of the newest, which are asked for by number, none is left.
    server.messages.splice(100);
    for (const searches of [true, false]) {
      server.searches = searches;
      const [page, ...more] = await changes(start);
      expect([idsOf([page!]), page!.vanished.length, more]).toEqual([[], 200, []]);
      expect(await changes(page!.cursor)).toEqual([]);
    }
  });

  test.each(['NOMODSEQ', 'HIGHESTMODSEQ 90', 'HIGHESTMODSEQ 4'])(
    'edge case 11: goes back in its MODSEQ, or has none (%s), is read by UID alone',
    async (modSeq) => {
      server.capabilities = 'IMAP4rev1 CONDSTORE ENABLE';
      server.modSeq = 'HIGHESTMODSEQ 100';
      await reopen();
      server.append('old');
      const start = await mailbox.start(inbox);
      server.append('one');
      const pages = await changes(start);
      server.modSeq = modSeq;
      server.append('two');
      await reopen();
      const more = await changes(cursorAfter(pages, start));
      expect([...idsOf(pages), ...idsOf(more)]).toEqual(['one', 'two']);
      expect(server.lines.filter((line) => /CHANGEDSINCE|MODSEQ/.test(line))).toEqual([]);
    },
  );

  test('edge case 10: gets mail while it is being listed has it listed in the next pass', async () => {
    const start = await mailbox.start(inbox);
    many(700, 'm');
    const found: (string | null)[] = [];
    let cursor = start;
    for await (const page of mailbox.changes(inbox, start, longAgo)) {
      if (found.length === 0) server.append('meanwhile');
      found.push(...idsOf([page]));
      cursor = page.cursor;
    }
    expect(await mailbox.stale([{ stream: inbox, cursor }])).toEqual(found.includes('meanwhile') ? [] : [inbox]);
    found.push(...idsOf(await changes(cursor)));
    expect(found).toHaveLength(701);
    expect(new Set(found)).toContain('meanwhile');
  });

  test('edge case 10: loses one message and gets another in between has both seen', async () => {
    many(3, 'old');
    const start = await mailbox.start(inbox);
    server.messages.splice(1, 1);
    server.append('new');
    expect(await mailbox.stale([{ stream: inbox, cursor: start }])).toEqual([inbox]);
    const [page] = await changes(start);
    expect([idsOf([page!]), page!.vanished.map(({ ref }) => ref)]).toEqual([['new'], ['2']]);
  });

  test('edge case 19: says BYE in the middle of an answer has the rest asked for on a new connection', async () => {
    const start = await mailbox.start(inbox);
    many(50, 'm');
    let byes = 0;
    server.script = (command) => {
      if (!command.includes('HEADER.FIELDS') || byes > 0) return null;
      byes += 1;
      return ['* 1 FETCH (UID 1 FLAGS ())', '* BYE Too busy, come again'];
    };
    const pages = await changes(start);
    expect(byes).toBe(1);
    expect(idsOf(pages)).toEqual(Array.from({ length: 50 }, (_, index) => `m${index}`));
  });

  test.each(['SERVERBUG', 'INUSE'])(
    'edge case 19: refuses a second LIST with [%s] is asked on a new connection',
    async (code) => {
      let lists = 0;
      const perConnection = new Set<number>();
      server.script = (command, tag) => {
        if (!command.startsWith('LIST') || command === 'LIST "" ""') return null;
        lists += 1;
        if (!perConnection.has(server.connections)) return (void perConnection.add(server.connections), null);
        return [`${tag} NO [${code}] Only once`];
      };
      for (let time = 1; time <= 3; time += 1) expect(await mailbox.folders()).toHaveLength(2);
      expect(lists).toBeGreaterThan(3);
    },
  );

  test.each(['[SERVERBUG] ', '[UNAVAILABLE] ', ''])(
    'edge case 19: refuses one folder (NO %s) is read and watched in the others',
    async (code) => {
      server.capabilities = 'IMAP4rev1 IDLE';
      await reopen();
      const sent = { ref: 'INBOX.Gesendet', folders: ['INBOX.Gesendet'] };
      const wrong = { kind: 'transient', folderOnly: true, message: expect.stringContaining('INBOX') };
      let refused = 'EXAMINE INBOX.Gesendet';
      server.script = (command, tag) => (command === refused ? [`${tag} NO ${code}Internal error`] : null);
      server.append('one');
      await expect(mailbox.start(sent)).rejects.toMatchObject(wrong);
      expect(await mailbox.stale([{ stream: inbox, cursor: await mailbox.start(inbox) }])).toEqual([]);
      // Also where it is the one that would have a connection of its own.
      refused = 'EXAMINE INBOX';
      await expect(mailbox.start(inbox)).rejects.toMatchObject(wrong);
      const woken: string[] = [];
      const onError = vi.fn<(error: ProviderError) => void>();
      const unwatch = await mailbox.watch([inbox, sent], ({ ref }) => woken.push(ref), onError);
      await expect.poll(() => woken.sort()).toEqual(['INBOX', 'INBOX.Gesendet']);
      expect(onError).not.toHaveBeenCalled();
      await unwatch();
    },
  );

  test('edge case 12: refuses one message, or its whole folder, gives the others', async () => {
    const start = await mailbox.start(inbox);
    many(20, 'm');
    const places = (await changes(start)).flatMap((page) => page.listed).map((row) => row.places[0]!);
    let refuses = (command: string) => command.includes('BODY.PEEK') && asksFor(command, 7);
    server.script = (command, tag) => (refuses(command) ? [`${tag} NO [SERVERBUG] Internal error`] : null);
    const answers = await fetchAll(mailbox, places);
    expect(answers.flatMap(({ failed }, index) => (failed ? [[index + 1, failed.kind]] : []))).toEqual([
      [7, 'transient'],
    ]);
    refuses = (command) => command.startsWith('EXAMINE');
    await reopen();
    const none = await fetchAll(mailbox, places);
    expect(none.map(({ failed }) => failed?.kind)).toEqual(places.map(() => 'transient'));
  });

  test.each([10_000, 3, -3])(
    'edge case 24: lies about the length of a literal (%i) is not believed, and only that message suffers',
    async (longer) => {
      const start = await mailbox.start(inbox);
      server.append('a');
      const liar = server.append('liar', { longer });
      server.append('b');
      const rows = (await changes(start)).flatMap((page) => page.listed);
      const others = rows.filter((row) => row.places[0]!.ref !== String(liar.uid));
      expect(others.map((row) => 'messageId' in row.head && row.head.messageId)).toEqual(['a', 'b']);
      expect(rows).toHaveLength(3);
      const answers = await fetchAll(
        mailbox,
        others.map((row) => row.places[0]!),
      );
      expect(answers.map((answer) => answer.raw?.toString().slice(-9))).toEqual(['text of a', 'text of b']);
    },
    60_000,
  );

  test('edge case 21: has ids of folders (OBJECTID) is believed about a renamed one', async () => {
    server.capabilities = 'IMAP4rev1 OBJECTID';
    server.modSeq = 'MAILBOXID (F2212ea87)';
    await reopen();
    server.append('one');
    const cursor = await mailbox.start(inbox);
    // Numbered anew, and empty: nothing else tells.
    server.messages.length = 0;
    server.uidValidity = 99;
    const to = { ref: 'Renamed', folders: ['Renamed'] };
    expect(await mailbox.renamed([{ stream: inbox, cursor }], [to])).toEqual([{ from: inbox, to, sure: true }]);
    server.modSeq = 'MAILBOXID (another)';
    expect(await mailbox.renamed([{ stream: inbox, cursor }], [to])).toEqual([]);
  });
});
