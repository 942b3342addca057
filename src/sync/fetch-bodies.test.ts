import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Place } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider.ts';
import { Suspects, fetchEach } from './fetch-bodies.ts';
import type { Arrival } from './fetch-bodies.ts';

test('a message whose stream ends with what is wrong with it alone is answered as failed, and the next one comes', async () => {
  const places: Place[] = ['1', '2'].map((ref) => ({ folder: 'INBOX', epoch: '7', ref }));
  async function* endless() {
    yield Buffer.alloc(64 * 1024);
    throw new ProviderError('protocol', 'The server gives this message without end.', { folderOnly: true });
  }
  const mailbox = {
    async *fetch([first, second]: Place[]) {
      yield { place: first!, raw: Readable.from(endless()), size: null, receivedAt: null };
      yield { place: second!, raw: Readable.from([Buffer.from('fine')]), size: 4, receivedAt: null };
    },
  };
  const answers = new Map<number, Arrival | string>();
  await fetchEach(mailbox, places, new Suspects(), async (index, arrival) => {
    answers.set(index, arrival);
    if ('raw' in arrival && !Buffer.isBuffer(arrival.raw)) await buffer(arrival.raw);
  });
  expect(answers.get(0)).toEqual({ rule: 'fetch_failed', error: 'The server gives this message without end.' });
  expect(answers.get(1)).toMatchObject({ raw: Buffer.from('fine') });
});
