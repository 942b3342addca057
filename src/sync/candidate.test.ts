import { expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { parseHead } from '../mail/parse-head.ts';
import { candidatesOf } from './candidate.ts';
import type { Hold } from './hold.ts';
import type { SyncStream } from './streams.ts';

test('a page, however large, leaves the main thread to others at times', async () => {
  const hold = { hashKey: Buffer.alloc(32, 1), startedAt: new Date(), history: [] } as unknown as Hold;
  const folder = { id: 'f', ref: 'INBOX', role: 'inbox', epoch: '1', chosen: true, chosenCursor: null, chosenAt: null };
  const stream = { startCursor: '', folders: new Map([['INBOX', folder]]) } as unknown as SyncStream;
  const to = Array.from({ length: 50 }, (_, index) => `someone${index}@x.example`);
  const head = parseHead(Buffer.from(mail({ from: 'anna@customer.example', to })));
  const page = Array.from({ length: 10_000 }, (_, index) => ({
    places: [{ folder: 'INBOX', epoch: '1', ref: String(index) }],
    receivedAt: new Date(),
    size: 1000,
    flags: [],
    head,
  }));
  let turns = 0;
  let reading = true;
  const count = () => {
    turns += 1;
    if (reading) setImmediate(count);
  };
  setImmediate(count);
  const candidates = await candidatesOf(hold, { predates: () => false }, stream, page);
  reading = false;
  expect(candidates.map(({ place }) => place.ref)).toEqual(page.map((_, index) => String(index)));
  expect(turns).toBeGreaterThan(3);
});
