import { beforeEach, expect, test } from 'vitest';
import { account, accountedFor, type Accounting, type Observed } from './accounting.ts';
import type { Delivered, Mailbox } from './mailboxes.ts';

const anna = 'anna@customer.test';
const mailbox: Mailbox = { address: 'rep@letterlog.test', names: new Map([['INBOX', 'INBOX']]), uidValidity: 7 };
/** Two of Anna's and a stranger's, and what is to be seen when all is right. */
const manifest: Delivered[] = ['one', 'two', 'strange'].map((messageId) => {
  const contact = messageId === 'strange' ? null : anna;
  return { messageId, contact, fires: contact !== null, copies: [{ mailbox, folder: 'INBOX' }] };
});
const place = (uid: number) => `${mailbox.address} INBOX 7 ${uid}`;
let observed: Observed;
beforeEach(() => {
  const once = () => new Map([`${anna} one`, `${anna} two`].map((entry) => [entry, 1]));
  observed = {
    present: manifest.map(({ messageId }, i) => ({
      place: place(i),
      mailbox: mailbox.address,
      folder: 'INBOX',
      messageId,
    })),
    ledger: new Map([0, 1, 2].map((uid) => [place(uid), [uid === 2 ? 'skipped' : 'logged']])),
    log: once(),
    firings: once(),
    tasks: once(),
    unfinished: [],
  };
});
const counts = () => {
  const found = account(manifest, observed);
  const figures = Object.entries(found).map(([name, sentences]: [string, string[]]) => [name, sentences.length]);
  return {
    accounted: accountedFor(manifest, found),
    ...(Object.fromEntries(figures) as Record<keyof Accounting, number>),
  };
};
const right = { accounted: 3, lost: 0, twice: 0, firedTwice: 0, firedNever: 0, unfinished: 0 };

test('nothing is said where every message is where it belongs, once', () => {
  expect(counts()).toEqual(right);
});

test.each<[string, () => void, Partial<typeof right>]>([
  ['a row is missing', () => observed.ledger.delete(place(2)), { lost: 1, accounted: 2 }],
  ['a message is quarantined', () => observed.ledger.set(place(1), ['quarantined']), { lost: 1, accounted: 2 }],
  ['a row is there twice', () => observed.ledger.set(place(1), ['logged', 'logged']), { twice: 1 }],
  ['a log item is missing', () => observed.log.delete(`${anna} one`), { lost: 1, accounted: 2 }],
  ['a log item is there twice', () => observed.log.set(`${anna} one`, 2), { twice: 1 }],
  ['a stranger’s mail is in a log', () => observed.log.set(`${anna} strange`, 1), { twice: 1 }],
  ['it fired twice', () => observed.firings.set(`${anna} one`, 2), { firedTwice: 1 }],
  ['one firing made two tasks', () => observed.tasks.set(`${anna} one`, 2), { firedTwice: 1 }],
  ['a stranger’s mail fired', () => observed.firings.set(`${anna} strange`, 1), { firedTwice: 1 }],
  ['it never fired', () => observed.firings.delete(`${anna} two`), { firedNever: 1 }],
  ['a firing made no task', () => observed.tasks.delete(`${anna} two`), { firedNever: 1 }],
  ['a run hangs', () => observed.unfinished.push('run 1 is waiting'), { unfinished: 1 }],
])('it is said that %s', (_, damage, difference) => {
  damage();
  expect(counts()).toEqual({ ...right, ...difference });
});

test('a server that lost what was delivered proves nothing', () => {
  observed.present.pop();
  expect(counts).toThrow("The mail server hasn't got strange");
});
