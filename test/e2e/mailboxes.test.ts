import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishAnswerMap } from '../fixtures/answer-map.ts';
import { mail } from '../fixtures/mail.ts';
import { type Office, mailboxOf, openOffice } from './office.ts';

let office: Office;

beforeAll(async () => {
  office = await openOffice();
  await publishAnswerMap(office.olivia);
  await office.connect('olivia');
  await office.connect('max');
}, 120_000);

afterAll(() => office?.[Symbol.asyncDispose]());

async function newContact(address: string, more: object = {}): Promise<{ id: string }> {
  return office.olivia.post('/contacts', { firstName: address.split('@')[0], addresses: [address], ...more });
}

async function log(contactId: string, api = office.olivia): Promise<any[]> {
  return (await api.get(`/contacts/${contactId}/log`)).items.filter((item: any) => item.kind === 'email_sync');
}

async function tasks(contactId: string): Promise<any[]> {
  return (await office.olivia.get(`/tasks?contactId=${contactId}`)).items;
}

test('mail from a contact is in the log, and the map that it started has run', async () => {
  const contact = await newContact('anna@customer.test', { ownerId: office.ids.max });
  await office.dovecot.deliver(
    mail({ from: 'Anna <Anna+news@Customer.test>', to: mailboxOf.olivia, subject: 'Grüße', text: 'Hello there' }),
    mailboxOf.olivia,
  );
  await expect.poll(() => log(contact.id)).toHaveLength(1);
  const [item] = await log(contact.id);
  expect(item).toMatchObject({
    direction: 'received',
    class: 'live',
    message: { subject: 'Grüße', snippet: 'Hello there', hasAttachments: false },
    mailboxes: [{ address: mailboxOf.olivia }],
  });
  await expect.poll(() => tasks(contact.id)).toHaveLength(1);
  const [task] = await tasks(contact.id);
  expect(task).toMatchObject({ subject: 'Answer this mail', assignee: { id: office.ids.max }, state: 'pending' });
  expect(Date.parse(task.dueAt) - Date.parse(task.createdAt)).toBeCloseTo(86_400_000, -4);
  await expect.poll(async () => (await office.olivia.get(`/contacts/${contact.id}`)).leadScore).toBe(5);
});

test('one message in both mailboxes is one item that names both, and starts one run', async () => {
  const contact = await newContact('both@customer.test');
  const text = mail({ from: 'both@customer.test', to: [mailboxOf.olivia, mailboxOf.max] });
  await office.dovecot.deliver(text, mailboxOf.olivia, mailboxOf.max);
  await expect
    .poll(async () => (await log(contact.id))[0]?.mailboxes.map((box: any) => box.address).sort())
    .toEqual([mailboxOf.max, mailboxOf.olivia]);
  expect(await log(contact.id)).toHaveLength(1);
  await expect.poll(() => tasks(contact.id)).toHaveLength(1);
});

test('mail that a colleague sends to a contact is in the log as sent and starts nothing', async () => {
  const contact = await newContact('sent@customer.test');
  await office.dovecot.deliver(
    mail({ from: `Max <${mailboxOf.max}>`, to: 'sent@customer.test' }),
    mailboxOf.max.replace('@', '+Sent@'),
  );
  await expect.poll(() => log(contact.id)).toHaveLength(1);
  expect((await log(contact.id))[0].direction).toBe('sent');
  expect(await tasks(contact.id)).toEqual([]);
});

test('a move between folders adds nothing', async () => {
  const contact = await newContact('moved@customer.test');
  await office.dovecot.deliver(
    mail({ from: 'moved@customer.test', to: mailboxOf.max, messageId: 'moved@x' }),
    mailboxOf.max,
  );
  await expect.poll(() => log(contact.id)).toHaveLength(1);
  await office.dovecot.doveadm(
    'move',
    '-u',
    mailboxOf.max,
    'Archive',
    'mailbox',
    'INBOX',
    'header',
    'message-id',
    'moved@x',
  );
  await expect
    .poll(async () => (await office.max.get('/why?messageId=moved@x')).sightings.map((one: any) => one.folder).sort())
    .toEqual(['Archive', 'INBOX']);
  expect(await log(contact.id)).toHaveLength(1);
  expect(await tasks(contact.id)).toHaveLength(1);
});

test('a contact added later finds their mail since the connection began, and nothing fires', async () => {
  await office.dovecot.deliver(
    mail({ from: 'Late <late@customer.test>', to: mailboxOf.olivia, subject: 'Before', messageId: 'late@x' }),
    mailboxOf.olivia,
  );
  await expect
    .poll(async () => (await office.olivia.get('/why?messageId=late@x')).sightings)
    .toMatchObject([{ state: 'skipped', rule: 'no_contact' }]);
  const contact = await newContact('late@customer.test');
  await expect.poll(() => log(contact.id)).toHaveLength(1);
  expect((await log(contact.id))[0]).toMatchObject({ class: 'late_contact', message: { subject: 'Before' } });
  const why = await office.olivia.get('/why?messageId=late@x');
  expect(why.sightings[0].decisions.map((decision: any) => decision.state)).toEqual(['skipped', 'logged']);
  await office.dovecot.deliver(mail({ from: 'late@customer.test', to: mailboxOf.olivia }), mailboxOf.olivia);
  await expect.poll(() => tasks(contact.id)).toHaveLength(1);
  expect(await log(contact.id)).toHaveLength(2);
});

test('an own address entered as a contact is refused, and never matches', async () => {
  await expect(newContact(mailboxOf.max)).rejects.toThrow(/own_address/);
  await expect(newContact(mailboxOf.max.replace('@', '+tag@').toUpperCase())).rejects.toThrow(/own_address/);
});

test('the flags on the server are what they were before', async () => {
  const contact = await newContact('flags@customer.test');
  await office.dovecot.deliver(mail({ from: 'flags@customer.test', to: mailboxOf.max }), mailboxOf.max);
  await office.dovecot.deliver(mail({ from: 'nobody@elsewhere.test', to: mailboxOf.max }), mailboxOf.max);
  await office.dovecot.doveadm('flags', 'add', '-u', mailboxOf.max, '\\Flagged $Work', 'mailbox', 'INBOX', '1');
  const flags = () => office.dovecot.doveadm('fetch', '-u', mailboxOf.max, 'uid flags mailbox', 'all');
  const before = await flags();
  await expect.poll(() => log(contact.id)).toHaveLength(1);
  await office.olivia.get(`/log/${(await log(contact.id))[0].id}`);
  // \Recent is the server's own affair: a read-only session doesn't take it away either.
  expect(await flags()).toBe(before);
  expect(before).not.toMatch(/\\Seen/);
});

test('a private mailbox shows its mail to its owner only and is not named to others', async () => {
  const connections = (await office.max.get('/connections?scope=mine')).items;
  await office.max.patch(`/connections/${connections[0].id}`, { sharing: 'private' });
  const contact = await newContact('secret@customer.test');
  await office.dovecot.deliver(
    mail({ from: 'secret@customer.test', to: mailboxOf.max, messageId: 'secret@x' }),
    mailboxOf.max,
  );
  await expect.poll(() => log(contact.id, office.max)).toHaveLength(1);
  const [item] = await log(contact.id, office.max);
  expect(await log(contact.id, office.olivia)).toEqual([]);
  await expect(office.olivia.get(`/log/${item.id}`)).rejects.toThrow(/404/);
  await expect(office.olivia.get(`/log/${item.id}/why`)).rejects.toThrow(/404/);

  const shared = await newContact('shared@customer.test');
  await office.dovecot.deliver(
    mail({ from: 'shared@customer.test', to: [mailboxOf.olivia, mailboxOf.max] }),
    mailboxOf.olivia,
    mailboxOf.max,
  );
  await expect
    .poll(async () => (await log(shared.id, office.max))[0]?.mailboxes.map((box: any) => box.address).sort())
    .toEqual([mailboxOf.max, mailboxOf.olivia]);
  expect((await log(shared.id, office.olivia)).map((one) => one.mailboxes.map((box: any) => box.address))).toEqual([
    [mailboxOf.olivia],
  ]);
});
