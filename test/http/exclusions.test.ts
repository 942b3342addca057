import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { insertConnection, insertMail } from '../fixtures/records.ts';
import { join, ownerOf, send, startHttp } from './start-http.ts';
import type { Http } from './start-http.ts';

let http: Http;
let owner: Awaited<ReturnType<typeof ownerOf>> & { accountId: string };
let member: Awaited<ReturnType<typeof ownerOf>>;

beforeAll(async () => {
  http = await startHttp();
  const made = await ownerOf(http);
  const { id: accountId } = await http.db.selectFrom('account').select('id').executeTakeFirstOrThrow();
  owner = { ...made, accountId };
  member = await join(http, owner, 'mia@letterlog.test', 'member');
});
afterAll(() => http[Symbol.asyncDispose]());
beforeEach(() => http.db.deleteFrom('exclusion').execute());

type Who = { key: string };
const add = (who: Who, body: object) =>
  send(http, 'POST', '/api/v1/exclusions', { key: who.key, body: { scope: 'account', ...body } });
const list = async (who: Who, scope: string) =>
  (await send(http, 'GET', `/api/v1/exclusions?scope=${scope}`, { key: who.key })).body.items.map(
    (one: { value: string }) => one.value,
  );
const remove = (who: Who, id: string) => send(http, 'DELETE', `/api/v1/exclusions/${id}`, { key: who.key });
const restore = (who: Who, id: string) => send(http, 'POST', `/api/v1/exclusions/${id}/restore`, { key: who.key });

describe('an exclusion', () => {
  test('is read from what people write, and shown in its own script', async () => {
    const written: [string, string, string, string][] = [
      [' Ben+work@Partner.Example ', 'address', 'ben@partner.example', 'ben@partner.example'],
      ['@Partner.Example', 'domain', 'partner.example', 'partner.example'],
      ['Exämple.de.', 'domain', 'xn--exmple-cua.de', 'exämple.de'],
      ['eva@Exämple.de', 'address', 'eva@xn--exmple-cua.de', 'eva@exämple.de'],
    ];
    for (const [value, kind, stored, name] of written) {
      const { status, body } = await add(owner, { value });
      expect([status, body.kind, body.value, body.name]).toEqual([201, kind, stored, name]);
      expect(body).toMatchObject({ scope: 'account', addedBy: { id: owner.userId }, loggedEmails: 0 });
    }
    const again = await add(owner, { value: 'BEN@partner.example' });
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
  });

  test('that is none is refused with what to do', async () => {
    for (const value of ['', 'ben', 'com', 'co.uk', 'ben@', '*.partner.example', 'a b.example', '[10.0.0.1]', 'a@b@']) {
      const { status, body } = await add(owner, { value });
      expect([value, status, body.code, body.errors?.[0]?.path]).toEqual([value, 400, 'invalid', 'value']);
      expect(body.detail).toMatch(/Write|Enter|name@example/);
    }
    const own = await add(owner, { value: 'Olivia@letterlog.test' });
    expect([own.status, own.body.code]).toEqual([409, 'own_address']);
  });

  test('of a public mail domain is asked about, and never an own domain', async () => {
    const asked = await add(owner, { value: 'gmail.com' });
    expect([asked.status, asked.body.code]).toEqual([409, 'public_mail_domain']);
    const own = await add(owner, { value: 'gmail.com', ownDomain: true, evenIfPublic: true });
    expect([own.status, own.body.code]).toEqual([409, 'public_mail_domain']);
    expect((await add(owner, { value: 'gmail.com', evenIfPublic: true })).status).toBe(201);
    expect((await add(owner, { value: 'somebody@gmail.com' })).status).toBe(201);
    expect((await add(owner, { value: 'acme.onmicrosoft.com', ownDomain: true })).status).toBe(201);
  });

  test("of the account is the admins' to change and everybody's to read; a personal one is its user's alone", async () => {
    const refused = await add(member, { value: 'partner.example' });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    const account = (await add(owner, { value: 'partner.example' })).body.id;
    const mine = (await add(member, { scope: 'personal', value: 'doctor@clinic.example' })).body.id;
    expect(await list(member, 'account')).toEqual(['partner.example']);
    expect(await list(member, 'personal')).toEqual(['doctor@clinic.example']);
    expect(await list(owner, 'personal')).toEqual([]);
    expect((await remove(member, account)).status).toBe(403);
    expect((await remove(owner, mine)).status).toBe(404);
    expect((await remove(member, mine)).body).toEqual({ due: 0, logged: 0 });
    expect((await restore(owner, mine)).status).toBe(404);
    expect((await restore(member, mine)).body.value).toBe('doctor@clinic.example');
    // Where the same was added meanwhile there is nothing to restore.
    await remove(member, mine);
    await add(member, { scope: 'personal', value: 'doctor@clinic.example' });
    expect((await restore(member, mine)).body.code).toBe('conflict');
  });

  test('is listed by value, page by page', async () => {
    for (const value of ['c.example', 'a.example', 'b.example']) await add(owner, { value });
    const first = await send(http, 'GET', '/api/v1/exclusions?limit=2', { key: owner.key });
    expect(first.body.items.map((one: { value: string }) => one.value)).toEqual(['a.example', 'b.example']);
    const next = await send(http, 'GET', `/api/v1/exclusions?limit=2&cursor=${first.body.nextCursor}`, {
      key: owner.key,
    });
    expect(next.body.items.map((one: { value: string }) => one.value)).toEqual(['c.example']);
    expect(next.body.nextCursor).toBeNull();
  });
});

test('own domains are proposed from mailboxes and sign-ins, public ones and those that are there excepted', async () => {
  await insertConnection(http.db, owner, { address: 'olivia@acme.example' });
  await insertConnection(http.db, owner, { address: 'sales@acme.example' });
  await insertConnection(http.db, owner, { address: 'olivia@gmail.com' });
  const proposed = () => send(http, 'GET', '/api/v1/exclusions/proposed-domains', { key: owner.key });
  expect((await proposed()).body).toEqual(['acme.example', 'letterlog.test']);
  await add(owner, { value: 'acme.example', ownDomain: true });
  expect((await proposed()).body).toEqual(['letterlog.test']);
});

test('what is logged already is counted as far as the viewer may see it, and a contact tells of it', async () => {
  const contact = await send(http, 'POST', '/api/v1/contacts', {
    key: owner.key,
    body: { firstName: 'Ben', addresses: ['ben@old.example', 'Ben@Home.example'] },
  });
  const shared = await insertConnection(http.db, owner);
  const hidden = await insertConnection(http.db, { ...owner, userId: member.userId }, { sharing: 'private' });
  const mail = (connection: typeof shared) =>
    insertMail(http.db, owner.accountId, {
      in: [connection],
      contacts: [{ id: contact.body.id, address: 'ben@old.example' }],
    });
  await mail(shared);
  await mail(hidden);
  expect((await add(owner, { value: 'old.example' })).body.loggedEmails).toBe(1);
  expect((await add(owner, { scope: 'personal', value: 'ben@home.example' })).body.loggedEmails).toBe(0);
  const seen = async (who: Who) =>
    (await send(http, 'GET', `/api/v1/contacts/${contact.body.id}`, { key: who.key })).body.exclusions.map(
      (one: { address: string; name: string; scope: string }) => `${one.address}: ${one.name}, ${one.scope}`,
    );
  expect(await seen(owner)).toEqual([
    'ben@old.example: old.example, account',
    'Ben@Home.example: ben@home.example, personal',
  ]);
  expect(await seen(member)).toEqual(['ben@old.example: old.example, account']);
});
