import { sql } from 'kysely';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { addExclusion } from '../contacts/exclusions.ts';

const me = 'me@acme.example';
const colleague = 'colleague@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 20 });
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
});
afterEach(() => checkInvariants(database.db));

const deliver = (fields: Parameters<typeof mail>[0], address = me) =>
  rig.server.mailboxes.get(address)!.append('INBOX', mail(fields));

test('edge case 22: however an address is written, in From, To, Cc or Bcc, it leads to its contact', async () => {
  await rig.addContact('Anna@Customer.example');
  await rig.addContact('ben@exämple.example');
  await rig.addContact('carl+orders@shop.example');
  const id = await rig.connect(me);
  const stranger = 'stranger@x.example';
  const written: [string, Parameters<typeof mail>[0]][] = [
    ['case', { from: 'ANNA@customer.EXAMPLE', to: me }],
    ['name and comment', { from: '"Sommer, Anna" <anna@customer.example> (office)', to: me }],
    ['plus-tag', { from: stranger, to: 'anna+sales@customer.example' }],
    ['plus-tag of the contact', { from: 'carl@shop.example', to: me }],
    ['punycode', { from: 'ben@xn--exmple-cua.example', to: me }],
    ['unicode', { from: stranger, to: me, cc: 'Ben <BEN@EXÄMPLE.example>' }],
    ['bcc', { from: me, to: stranger, bcc: 'anna@customer.example' }],
    ['group', { from: stranger, to: 'Team: x@x.example, Anna <anna@customer.example>;' }],
    ['three', { from: 'anna@customer.example', to: [me, 'carl@shop.example'], cc: 'ben@exämple.example' }],
  ];
  const others: [string, Parameters<typeof mail>[0]][] = [
    ['reply-to only', { from: stranger, to: me, headers: ['Reply-To: anna@customer.example'] }],
    ['name only', { from: '"anna@customer.example" <stranger@x.example>', to: me }],
    ['nobody', { from: '<>', to: 'undisclosed-recipients:;' }],
    ['another domain', { from: 'anna@customer.example.x.example', to: me }],
    ['longer name', { from: 'joanna@customer.example', to: me }],
  ];
  for (const [subject, fields] of [...written, ...others]) deliver({ ...fields, subject });
  await rig.pass(id);
  const subjects = (await rig.log()).map((line) => line.split(' | ')[1]);
  expect(new Set(subjects)).toEqual(new Set(written.map(([subject]) => subject)));
  expect(subjects.filter((subject) => subject === 'three')).toHaveLength(3);
  expect((await rig.ledger()).filter((row) => row.endsWith('no_contact'))).toHaveLength(others.length);
});

/** Contacts by their addresses; the third one has two. */
const people = [['a@one.example'], ['b@sub.one.example'], ['c@two.example', 'c@three.example'], ['d@four.example']];
const addresses = [...people.flat(), 'stranger@x.example', me, colleague];
/** What is excluded in whose mailbox, as sets of addresses: written out, not worked out. */
const excludedIn = {
  [me]: new Set(['a@one.example', 'b@sub.one.example', 'c@two.example', 'd@four.example']),
  [colleague]: new Set(['a@one.example', 'b@sub.one.example']),
};

test('whoever takes part, a contact has the message exactly if a mailbox holds it in which one of its addresses isn’t excluded', async () => {
  for (const [first, ...more] of people) await rig.addContact(first!, ...more);
  const [owner, other] = rig.viewers as [(typeof rig.viewers)[0], (typeof rig.viewers)[0]];
  const exclude = (value: string, scope: 'account' | 'personal') =>
    addExclusion(rig.db, { isPublicDomain: () => false }, owner, { scope, value });
  await exclude('one.example', 'account');
  await exclude('two.example', 'personal');
  await exclude('d@four.example', 'personal');
  const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague, undefined, other)];
  const seed = Math.floor(Math.random() * 2 ** 31);
  const sent = fc.sample(
    fc.record({
      from: fc.constantFrom(...addresses),
      to: fc.uniqueArray(fc.constantFrom(...addresses), { minLength: 1, maxLength: 4 }),
      cc: fc.uniqueArray(fc.constantFrom(...addresses), { maxLength: 2 }),
      held: fc.constantFrom([me], [colleague], [me, colleague], [colleague, me]),
    }),
    { numRuns: 120, seed },
  );
  const expected: string[] = [];
  for (const [at, { from, to, cc, held }] of sent.entries()) {
    const text = { from, to, cc, subject: `m${at}`, messageId: `m${at}@x` };
    for (const address of held) deliver(text, address);
    const taking = new Set([from, ...to, ...cc]);
    for (const person of people) {
      const has = held.some((box) =>
        person.some((address) => taking.has(address) && !excludedIn[box as keyof typeof excludedIn].has(address)),
      );
      if (has) expected.push(`${person[0]} m${at}`);
    }
  }
  await Promise.all([rig.pass(mine), rig.pass(theirs)]);
  const found = (await rig.log()).map((line) => line.split(' | '));
  expect(found.map(([who, subject]) => `${who} ${subject}`).sort(), `seed ${seed}`).toEqual(expected.sort());
  // Nobody is late: each was a contact, and no exclusion was removed.
  expect(new Set(found.map(([, , kind]) => kind)), `seed ${seed}`).toEqual(new Set(['live']));
  const { rows } = await sql<{ rule: string; listed: number }>`
    select rule, count(*)::int as listed from sighting where account_id = ${rig.accountId} group by rule`.execute(
    rig.db,
  );
  expect(rows.reduce((sum, row) => sum + row.listed, 0)).toBe(sent.reduce((sum, { held }) => sum + held.length, 0));
});
