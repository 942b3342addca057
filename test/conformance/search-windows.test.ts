import type { ImapFlow, MailboxObject } from 'imapflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchUids } from '../../src/providers/imap/search.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { imapRig, makeUsers } from './imap-rig.ts';
import { message } from './provider-suite.ts';

let dovecot: Dovecot;
beforeAll(async () => {
  dovecot = await startDovecot();
  await makeUsers(dovecot, 1);
});
afterAll(() => dovecot[Symbol.asyncDispose]());

test('edge case 20: a search in windows finds every message that stays, whatever goes and comes meanwhile', async () => {
  const rig = await imapRig(dovecot);
  for (let index = 1; index <= 60; index += 1) await rig.append('INBOX', message(`m${index}`));
  // Gaps in the UIDs, wider than a window.
  await dovecot.doveadm('expunge', '-u', rig.user, 'mailbox', 'INBOX', 'uid', '12:31');
  const mailbox = (await rig.client.mailboxOpen('INBOX', { readOnly: true })) as MailboxObject;
  const going = [60, 41, 3, 40, 33];
  const sizes: number[] = [];
  let came = false;
  const client = {
    search: async (...words: Parameters<ImapFlow['search']>) => {
      const found = await rig.client.search(...words);
      sizes.push((found as number[]).length);
      const uid = going.pop();
      if (uid) await dovecot.doveadm('expunge', '-u', rig.user, 'mailbox', 'INBOX', 'uid', String(uid));
      else if (!came) await dovecot.deliver(message('new'), rig.user);
      came ||= uid === undefined;
      return found;
    },
  } as unknown as ImapFlow;
  const uids = await searchUids(client, mailbox, { all: true }, 0, 7);
  const left = (await dovecot.doveadm('fetch', '-u', rig.user, 'uid', 'mailbox', 'INBOX', 'uid', '1:60'))
    .match(/\d+/g)!
    .map(Number);
  expect(left).toHaveLength(35);
  expect(uids).toEqual(expect.arrayContaining(left));
  expect(uids).toEqual([...new Set(uids)].sort((a, b) => a - b));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
  // From a UID on it stops below it.
  await rig.client.noop();
  sizes.length = 0;
  expect(await searchUids(client, mailbox, { uid: '50:*' }, 50, 7)).toEqual(
    (await rig.client.search({ uid: '50:*' }, { uid: true })) as number[],
  );
  expect(sizes.length).toBeLessThan(4);
  await rig.close();
});
