import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkMailbox } from '../../test/fixtures/checking.ts';
import { mail } from '../../test/fixtures/mail.ts';
import type { MailFields } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { setSenderCheck } from '../connections/sender-check.ts';
import { listLog } from '../log/query.ts';
import { readLogItem } from '../log/read.ts';
import { ProviderError } from '../providers/provider.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const server = 'mx.acme.example';
const sentAt = new Date();
const results = (result: 'pass' | 'fail') =>
  `Authentication-Results: ${server}; dmarc=${result} header.from=customer.example`;

const database = sharedDatabase();
let rig: SyncRig;
let contactId: string;
let id: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  contactId = await rig.addContact(anna);
  id = await rig.connect(me);
  await setSenderCheck(rig.db, rig.viewers[0]!, id, { by: 'given', authservId: server });
  await rig.pass(id);
});
afterEach(() => checkInvariants(database.db));

const box = () => rig.server.mailboxes.get(me)!;
const forged = (...headers: string[]) =>
  mail({
    from: anna,
    to: [me, 'mallory@evil.example'],
    messageId: 'order@customer.example',
    date: sentAt,
    subject: 'Pay to another account',
    text: 'Please pay to account 666.',
    attachments: [{ filename: 'account.txt', contentType: 'text/x-account', content: Buffer.from('666') }],
    headers: [results('fail'), ...headers],
  });
const genuine = () =>
  mail({
    from: anna,
    to: me,
    messageId: 'order@customer.example',
    date: sentAt,
    subject: 'Our order',
    text: 'Please send ten.',
    html: '<p>Please send <b>ten</b>.</p>',
    headers: [results('pass')],
  });
const shown = async () => {
  const { items } = await listLog(rig.db, rig.viewers[0]!, contactId, { limit: 9 });
  return await Promise.all(
    items.map(async (item) => (await readLogItem(rig.db, rig.deps, rig.viewers[0]!, item.id)).message!),
  );
};
const theGenuine = {
  subject: 'Our order',
  text: 'Please send ten.',
  html: expect.stringContaining('<b>ten</b>'),
  kind: 'personal',
  to: [{ address: me }],
  attachments: [],
};

test('a forged copy that came first gives way to the mail that it stood for, with all that it said', async () => {
  box().append('INBOX', forged());
  await rig.pass(id);
  expect(await shown()).toMatchObject([{ subject: 'Pay to another account', attachments: [{}] }]);
  expect(await rig.fired()).toEqual([]);
  box().append('INBOX', genuine());
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
  // Of the forged copy nothing is kept any more.
  expect([...rig.blobs.kept.values()].map(String)).toEqual([expect.stringContaining('Subject: Our order')]);
});

test('a forged automatic reply does not keep the genuine mail from starting automations', async () => {
  box().append('INBOX', forged('Auto-Submitted: auto-replied'));
  await rig.pass(id);
  box().append('INBOX', genuine());
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('where both come in one page, the confirmed one is shown, whichever is first', async () => {
  for (const copy of [forged('Auto-Submitted: auto-replied'), genuine(), forged()]) box().append('INBOX', copy);
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('a forged copy that comes later changes nothing', async () => {
  box().append('INBOX', genuine());
  await rig.pass(id);
  box().append('INBOX', forged('Auto-Submitted: auto-replied'));
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

test('a genuine copy whose body can not be read waits in quarantine, and takes its place when it can', async () => {
  box().append('INBOX', forged());
  await rig.pass(id);
  const place = box().append('INBOX', genuine());
  box().fail('message', new ProviderError('protocol', 'The body never came.'), { place, times: 1 });
  await rig.pass(id);
  expect(await rig.ledger()).toEqual(['INBOX: logged contact', 'INBOX: quarantined fetch_failed']);
  await rig.hurry();
  await rig.pass(id);
  expect(await shown()).toMatchObject([theGenuine]);
  expect(await rig.fired()).toEqual([`${anna} | Our order`]);
});

describe('whom a forged copy names', () => {
  const carol = 'carol@customer.example';
  const dora = 'dora@customer.example';
  const copy = (result: 'pass' | 'fail', fields: Partial<MailFields> = {}) =>
    mail({
      from: anna,
      to: me,
      messageId: 'm@x',
      date: sentAt,
      subject: result,
      headers: [results(result)],
      ...fields,
    });
  const confidential = [`${anna} | pass | live | received`];

  beforeEach(async () => {
    for (const address of [carol, dora]) await rig.addContact(address);
  });

  test('does not get the genuine mail, however often the forged copy is met again', async () => {
    box().append('INBOX', copy('fail', { cc: carol, bcc: dora }));
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(3);
    box().append('INBOX', copy('pass'));
    await rig.pass(id);
    expect(await rig.log()).toEqual(confidential);
    expect(await rig.fired()).toEqual([`${anna} | pass`]);
    box().append('INBOX', copy('fail', { cc: carol, bcc: dora }));
    await rig.pass(id);
    expect(await rig.log()).toEqual(confidential);
    const { result, found } = await checkMailbox(rig, id);
    expect([result.differences, found]).toEqual([0, []]);
    expect(await rig.log()).toEqual(confidential);
  });

  test('does not get it either where both come in one page', async () => {
    box().append('INBOX', copy('fail', { cc: carol, bcc: dora }));
    box().append('INBOX', copy('pass'));
    await rig.pass(id);
    expect(await rig.log()).toEqual(confidential);
  });

  test('stays in the log as the genuine copy names them', async () => {
    box().append('INBOX', copy('fail', { to: [me, carol], cc: dora }));
    await rig.pass(id);
    box().append('INBOX', copy('pass', { cc: carol, bcc: dora }));
    await rig.pass(id);
    const { rows } = await sql`
      select matched_address as address, matched_role as role, class from log_item where account_id = ${rig.accountId}
      order by matched_address`.execute(rig.db);
    expect(rows).toEqual([
      { address: anna, role: 'from', class: 'live' },
      { address: carol, role: 'cc', class: 'live' },
      { address: dora, role: 'bcc', class: 'live' },
    ]);
  });

  test('keeps the log of who stands in Bcc of another copy', async () => {
    const colleague = 'colleague@acme.example';
    rig.server.mailbox(colleague);
    const other = await rig.connect(colleague);
    await rig.pass(other);
    box().append('INBOX', copy('fail', { cc: carol }));
    await rig.pass(id);
    rig.server.mailboxes.get(colleague)!.append('INBOX', copy('fail', { bcc: dora, headers: [] }));
    await rig.pass(other);
    box().append('INBOX', copy('pass'));
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | pass | live | received`, expect.stringContaining(dora)]);
  });
});

describe('the conversation of a forged copy', () => {
  let received = Date.now();
  const copy = (result: 'pass' | 'fail', messageId: string | null, references: string[] = []) =>
    box().append(
      'INBOX',
      mail({
        from: anna,
        to: me,
        messageId,
        date: sentAt,
        subject: messageId ?? 'unnamed',
        headers: [results(result), `References: ${references.map((one) => `<${one}>`).join(' ')}`],
      }),
      { receivedAt: new Date((received += 1000)) },
    );
  const threads = async () => {
    const { items } = await listLog(rig.db, rig.viewers[0]!, contactId, { limit: 100 });
    return Map.groupBy(items, (item) => item.threadId!);
  };
  const subjects = async () =>
    [...(await threads()).values()]
      .map((list) =>
        list
          .map(({ message }) => message!.subject)
          .sort()
          .join(),
      )
      .sort();
  const threadOf = async (subject: string) =>
    [...(await threads())].find(([, list]) => list.some(({ message }) => message!.subject === subject))![0];

  test('is left for that of the genuine mail, whose answers follow', async () => {
    copy('pass', 'old@x');
    copy('pass', 'older@x', ['old@x']);
    copy('pass', 'q@x');
    await rig.pass(id);
    const [old, question] = [await threadOf('old@x'), await threadOf('q@x')];
    copy('fail', 'm@x', ['old@x']);
    copy('pass', 'answer@x', ['m@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['answer@x,m@x,old@x,older@x', 'q@x']);
    copy('pass', 'm@x', ['q@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['answer@x,m@x,q@x', 'old@x,older@x']);
    expect([await threadOf('old@x'), await threadOf('m@x')]).toEqual([old, question]);
    // What it named is no part of its conversation any more, and what it is named by is.
    copy('pass', 'late@x', ['old@x']);
    copy('pass', 'later@x', ['m@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['answer@x,later@x,m@x,q@x', 'late@x,old@x,older@x']);
  });

  test('is none of the genuine mail that names nothing', async () => {
    copy('fail', 'm@x', ['unknown@x']);
    await rig.pass(id);
    const thread = await threadOf('m@x');
    copy('pass', 'm@x');
    copy('pass', 'stranger@x', ['unknown@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['m@x', 'stranger@x']);
    expect(await threadOf('m@x')).toBe(thread);
  });

  test('keeps its id where the mail has no name of its own that could hold it', async () => {
    copy('fail', null, ['unknown@x']);
    await rig.pass(id);
    const thread = await threadOf('unnamed');
    copy('pass', 'q@x');
    await rig.pass(id);
    copy('pass', null, ['q@x', 'other@x']);
    copy('pass', 'stranger@x', ['unknown@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['q@x,unnamed', 'stranger@x']);
    expect(await threadOf('unnamed')).toBe(thread);
  });

  test('falls apart again where it had joined two', async () => {
    copy('pass', 'one@x');
    copy('pass', 'two@x');
    copy('pass', 'two-more@x', ['two@x']);
    await rig.pass(id);
    copy('fail', 'm@x', ['one@x', 'two@x']);
    await rig.pass(id);
    expect(await subjects()).toEqual(['m@x,one@x,two-more@x,two@x']);
    copy('pass', 'm@x');
    await rig.pass(id);
    expect(await subjects()).toEqual(['m@x', 'one@x', 'two-more@x,two@x']);
  });
});
