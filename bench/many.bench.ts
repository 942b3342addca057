import { setTimeout as sleep } from 'node:timers/promises';
import { type Figure, figure } from './figure.ts';
import {
  connectUsers,
  memoryOfBoth,
  processorTimeOf,
  startLargeDovecot,
  startLargeProduct,
  untilAtRest,
} from './idle-mailboxes.ts';

const mailboxes = 2000;
const seconds = 45;

/** 2,000 mailboxes at rest in one process, Inbox and Sent chosen, over TLS: what they cost beside a process without any. */
export async function* run(): AsyncIterable<Figure> {
  await using dovecot = await startLargeDovecot(mailboxes);
  await using empty = await startLargeProduct(dovecot);
  await using full = await startLargeProduct(dovecot);
  await connectUsers(full, dovecot, 0, mailboxes);
  await untilAtRest(full, dovecot, mailboxes);
  const memory = {
    ours: (await memoryOfBoth(full)) / 2 ** 20,
    reference: (await memoryOfBoth(empty)) / 2 ** 20,
    unit: 'MB',
  };
  yield figure(`memory with ${mailboxes} idle mailboxes, against none`, memory, 'reported', () => true);

  const before = [full, empty].map(processorTimeOf);
  await sleep(seconds * 1000);
  const [ours, reference] = [full, empty].map((product, index) => {
    const now = processorTimeOf(product);
    const used = (which: 'product' | 'database') => ((now[which] - before[index]![which]) / seconds) * 100;
    return { product: used('product'), database: used('database') };
  });
  for (const which of ['product', 'database'] as const) {
    yield figure(
      `processor time of the ${which} with ${mailboxes} idle mailboxes, against none`,
      { ours: ours![which], reference: reference![which], unit: '% of a core' },
      'at most 10 % of a core',
      () => ours![which] <= 10,
    );
  }
}
