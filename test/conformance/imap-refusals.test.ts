import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailbox, Page, ProviderError } from '../../src/providers/provider.ts';
import { type OddImap, openOddMailbox, startOddImap } from './odd-imap.ts';
import { cursorAfter, fetchAll, longAgo } from './provider-suite.ts';

const inbox = { ref: 'INBOX', folders: ['INBOX'] };
const words = 'The requested message could not be converted to an RFC-822 compatible format.';
let server: OddImap;
let mailbox: Mailbox;
/** UIDs that the server refuses to give, and what of them. */
let refused: Set<number>;
let refuses: RegExp;
let status: string;

beforeEach(async () => {
  server = await startOddImap();
  [refused, refuses, status] = [new Set(), /BODY\.PEEK/, 'NO'];
  server.script = (command, tag) => {
    const [, set, what] = /^UID FETCH (\S+) (.*)/.exec(command) ?? [];
    const ranges = (set ?? '').split(',').map((range) => range.split(':').map(Number) as [number, number?]);
    const asked = [...refused].some((uid) => ranges.some(([from, to = from]) => from <= uid && uid <= to));
    return asked && refuses.test(what!) ? [`${tag} ${status} ${words}`] : null;
  };
  mailbox = await openOddMailbox(server, { timeoutSeconds: 3 });
});
afterEach(async () => {
  await mailbox.close();
  server[Symbol.dispose]();
});

const many = (count: number, body = 'text') => {
  for (let index = 0; index < count; index += 1) server.append(`m${index}`, { body });
};
/** What a pass lists until it ends or fails. */
async function pass(cursor: string): Promise<{ pages: Page[]; error: ProviderError | null }> {
  const pages: Page[] = [];
  try {
    for await (const page of mailbox.changes(inbox, cursor, longAgo)) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error: error as ProviderError };
  }
}
const rowsOf = (pages: Page[]) =>
  pages
    .flatMap((page) => page.listed)
    .map(({ places, head }) => [Number(places[0]!.ref), 'unreadable' in head ? head.unreadable : 'head']);
const places = (uids: number[]) => uids.map((uid) => ({ folder: 'INBOX', epoch: '7', ref: String(uid) }));
const failuresOf = async (uids: number[]) =>
  (await fetchAll(mailbox, places(uids))).flatMap(({ place, failed }) =>
    failed ? [[Number(place.ref), failed.kind, failed.message]] : [],
  );
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('edge case 12: a server that refuses', () => {
  test.each(['NO', 'NO [SERVERBUG]', 'BAD'])('one head (%s) has that message alone quarantined', async (how) => {
    status = how;
    const start = await mailbox.start(inbox);
    many(50);
    refused = new Set([6]);
    const { pages, error } = await pass(start);
    expect(error).toBeNull();
    expect(rowsOf(pages)).toEqual(
      upTo(50).map((uid) => [uid, uid === 6 ? expect.stringContaining(`“${words}”`) : 'head']),
    );
    expect(await pass(cursorAfter(pages, start))).toEqual({ pages: [], error: null });
    expect(server.lines.filter((line) => line.includes('HEADER')).length).toBeLessThan(20);
  });

  test('every head is a trouble of the folder, which comes on all the same', async () => {
    let cursor = await mailbox.start(inbox);
    many(50);
    refused = new Set(upTo(45));
    const found: unknown[] = [];
    const errors: (ProviderError | null)[] = [];
    for (let passes = 0; passes < 4; passes += 1) {
      const { pages, error } = await pass(cursor);
      found.push(...rowsOf(pages).map(([uid]) => uid));
      cursor = cursorAfter(pages, cursor);
      errors.push(error);
    }
    expect(found).toEqual(upTo(50));
    expect(errors[0]).toMatchObject({ kind: 'transient', folderOnly: true, message: expect.stringContaining(words) });
    expect(errors.at(-1)).toBeNull();
  });

  test.each([
    ['a small text', 'text'],
    ['a large text', 'x'.repeat(300_000)],
  ])('%s is given all others', async (_, body) => {
    many(12, body);
    refused = new Set([3, 6, 7]);
    const failures = await failuresOf(upTo(12));
    expect(failures).toEqual([3, 6, 7].map((uid) => [uid, 'transient', expect.stringContaining(words)]));
  });

  test('thirty texts in a row is given those behind them', async () => {
    many(40);
    refused = new Set(upTo(30));
    expect((await failuresOf(upTo(40))).map(([uid]) => uid)).toEqual(upTo(30));
    expect(server.lines.filter((line) => line.includes('BODY.PEEK')).length).toBeLessThan(60);
  });

  test('a text that is gone by then is told that it is', async () => {
    many(3);
    server.messages.splice(1, 1);
    refused = new Set([2]);
    const told = places(upTo(3)).map((place) => ({ ...place, size: 100, receivedAt: null }));
    const answers = await fetchAll(mailbox, told);
    expect(answers.map(({ failed }) => failed?.kind)).toEqual([undefined, 'gone', undefined]);
  });

  test('to tell one size is given all texts', async () => {
    refuses = /RFC822\.SIZE/;
    many(12);
    refused = new Set([6]);
    expect(await failuresOf(upTo(12))).toEqual([]);
  });
});
