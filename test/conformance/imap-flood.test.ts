import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailbox } from '../../src/providers/provider.ts';
import { type OddImap, openOddMailbox, startOddImap } from './odd-imap.ts';

const MB = 1024 * 1024;
const body = 'x'.repeat(2 * MB);
const count = 40;
let server: OddImap;
let mailbox: Mailbox;

beforeEach(async () => {
  server = await startOddImap();
  mailbox = await openOddMailbox(server, { timeoutSeconds: 30 });
  server.append('small');
  for (let index = 0; index < count; index += 1) server.append(`large${index}`, { body, saidSize: 100 });
});
afterEach(async () => {
  await mailbox.close();
  server[Symbol.dispose]();
});

/** The length of each message, or why it isn't had. */
async function lengths(): Promise<(number | string)[]> {
  const found: (number | string)[] = [];
  const places = server.messages.map(({ uid }) => ({ folder: 'INBOX', epoch: '7', ref: String(uid) }));
  for await (const fetched of mailbox.fetch(places)) {
    if ('failed' in fetched) {
      found.push(fetched.failed.kind);
      continue;
    }
    // Whoever is told a small size reads it into memory.
    expect(fetched.size === null || fetched.size > MB || fetched.size < 1000).toBe(true);
    let length = 0;
    for await (const chunk of fetched.raw) length += (chunk as Buffer).length;
    found.push(length);
  }
  return found;
}

describe('edge case 24: a server that says that large messages are small', () => {
  test('is cut off, and asked for each alone in pieces', async () => {
    const expected = server.messages.map((message) => message.head.length + message.body.length);
    expect(await lengths()).toEqual(expected);
    expect(server.connections).toBe(2);
    await expect.poll(() => server.sent.length).toBe(1);
    expect(server.sent[0]).toBeLessThan(20 * MB);
  }, 120_000);

  test('and gives no pieces is asked for a few only', async () => {
    server.ignoresParts = true;
    server.messages.shift();
    expect(await lengths()).toEqual(Array.from({ length: count }, () => 'protocol'));
    expect(server.connections).toBeLessThan(15);
    expect(Math.max(...server.sent)).toBeLessThan(20 * MB);
  }, 120_000);
});
