import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { sealer } from '../../test/fixtures/records.ts';
import { accountKey } from '../accounts/account-key.ts';
import { deleteContact } from '../contacts/delete.ts';
import { addExclusion, removeExclusion, restoreExclusion } from '../contacts/exclusions.ts';
import type { Exclusion, NewExclusion } from '../contacts/exclusions.ts';
import { matchAddresses } from '../contacts/match.ts';
import { whyMessage } from '../log/why.ts';
import { ProviderError } from '../providers/provider.ts';

const anna = 'anna@customer.example';
const ben = 'ben@partner.example';
const me = 'me@acme.example';
const colleague = 'colleague@acme.example';

const database = sharedDatabase();
let rig: SyncRig;

beforeEach(async () => {
  rig = await syncRig(database, { pageSize: 5 });
  rig.server.mailbox(me);
  rig.server.mailbox(colleague);
});
afterEach(() => checkInvariants(database.db));

const box = (address = me) => rig.server.mailboxes.get(address)!;
const deliver = (subject: string, fields: Partial<Parameters<typeof mail>[0]> = {}, address = me) =>
  box(address).append('INBOX', mail({ from: ben, to: me, subject, messageId: `${subject}@x`, ...fields }));
const exclude = (value: string, more: Partial<NewExclusion> = {}, viewer = rig.viewers[0]!): Promise<Exclusion> =>
  addExclusion(rig.db, { isPublicDomain: () => false }, viewer, { scope: 'account', value, ...more });
const lift = ({ id }: Exclusion, viewer = rig.viewers[0]!) => removeExclusion(rig.db, rig.contactDeps, viewer, id);
/** What the ledger says of excluded contacts: "subject's row: rule, by value", of rows in their order. */
async function noted(): Promise<string[]> {
  const { rows } = await sql<{ rule: string; value: string; address: string | null }>`
    select s.rule, e.value, a.address_key as address from sighting_exclusion x
    join sighting s on s.account_id = x.account_id and s.id = x.sighting_id
    join exclusion e on e.account_id = x.account_id and e.id = x.exclusion_id
    left join contact_address a on a.account_id = x.account_id and a.hash = x.hash
    where x.account_id = ${rig.accountId} order by s.id, e.value`.execute(rig.db);
  return rows.map((row) => `${row.rule}: ${row.address} by ${row.value}`);
}

describe('an excluded contact', () => {
  test('gets no mail: the ledger says so, and nothing of it is stored or fired', async () => {
    await rig.addContact(ben);
    await exclude(ben);
    const id = await rig.connect(me);
    deliver('in');
    box().append('Sent', mail({ from: me, to: ben, subject: 'out' }));
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    expect(await rig.fired()).toEqual([]);
    expect(await rig.ledger()).toEqual(['INBOX: skipped excluded', 'Sent: skipped excluded']);
    expect(await noted()).toEqual([`excluded: ${ben} by ${ben}`, `excluded: ${ben} by ${ben}`]);
    expect(rig.blobs.kept.size).toBe(0);
  });

  test('among others is left out, and the others get their items', async () => {
    await rig.addContact(anna);
    await rig.addContact(ben);
    await exclude('partner.example');
    const id = await rig.connect(me);
    deliver('from ben', { to: [me, anna] });
    deliver('from anna', { from: anna, to: [me, ben] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | from anna | live | received`, `${anna} | from ben | live | copied`]);
    expect(await rig.fired()).toEqual([`${anna} | from anna`]);
    expect(await noted()).toEqual([`contact: ${ben} by partner.example`, `contact: ${ben} by partner.example`]);
  });

  test('is so by domain with its subdomains, by address with its plus-tags, whatever the case and the script', async () => {
    const covered = ['a@ex.example', 'b@mail.ex.example', 'c@xn--exmple-cua.example', 'd@one.example'];
    const free = ['e@notex.example', 'f@ex.example.org', 'g@one.example'];
    for (const address of [...covered, ...free]) await rig.addContact(address);
    for (const value of ['@EX.Example', 'exämple.example', 'D+work@ONE.example']) await exclude(value);
    const id = await rig.connect(me);
    const { contacts, excluded } = await matchAddresses(rig.db, { accountId: rig.accountId, connectionId: id }, [
      ...covered,
      ...free,
    ]);
    expect([...excluded.keys()].sort()).toEqual(covered);
    expect([...contacts.keys()].sort()).toEqual(free);
  });

  test('through one address is found through another', async () => {
    await rig.addContact(ben, 'ben@home.example');
    await exclude(ben);
    const id = await rig.connect(me);
    deliver('office');
    deliver('home', { from: 'ben@home.example', to: [me, ben] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${ben} | home | live | received`]);
  });
});

describe("a user's own exclusion", () => {
  test('holds in their mailboxes only: a colleague’s copy is logged as ever and fires, whichever was seen first', async () => {
    await rig.addContact(ben);
    await exclude(ben, { scope: 'personal' });
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague, undefined, rig.viewers[1]!)];
    const both = { to: [me, colleague] };
    deliver('mine first', both);
    await rig.pass(mine);
    expect(await rig.log()).toEqual([]);
    deliver('mine first', both, colleague);
    deliver('theirs first', both, colleague);
    await rig.pass(theirs);
    deliver('theirs first', both);
    await rig.pass(mine);
    expect(await rig.log()).toEqual([
      `${ben} | mine first | live | received`,
      `${ben} | theirs first | live | received`,
    ]);
    expect(await rig.fired()).toHaveLength(2);
    // The mailbox in which it is excluded doesn't hold it for the log.
    const { rows } = await sql<{ state: string }>`select state from sighting where connection_id = ${mine}`.execute(
      rig.db,
    );
    expect(rows.map(({ state }) => state)).toEqual(['skipped', 'skipped']);
  });

  test('makes nobody late whom a colleague’s copy shows, though the message is stored for somebody else', async () => {
    await rig.addContact(anna);
    await rig.addContact(ben);
    await exclude(ben, { scope: 'personal' });
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague, undefined, rig.viewers[1]!)];
    deliver('shared', { to: [me, colleague, anna] });
    await rig.pass(mine);
    deliver('shared', { to: [me, colleague, anna] }, colleague);
    await rig.pass(theirs);
    expect(await rig.log()).toEqual([`${anna} | shared | live | copied`, `${ben} | shared | live | received`]);
    expect(await rig.fired()).toEqual([`${ben} | shared`]);
  });
});

describe('own domains', () => {
  test('edge case 22: colleagues never match, mail among them alone is not logged, and mail with others is, for the others', async () => {
    await rig.addContact(anna);
    await rig.addContact('carl@acme.example');
    const carl = 'carl@acme.example';
    await exclude('acme.example', { ownDomain: true });
    const id = await rig.connect(me);
    deliver('among us', { from: 'dora@sub.acme.example', to: [me, carl] });
    deliver('to carl', { from: 'stranger@x.example', to: [me, carl] });
    deliver('with anna', { from: carl, to: [me, anna] });
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${anna} | with anna | live | copied`]);
    expect(await rig.ledger()).toEqual([
      'INBOX: logged contact',
      'INBOX: skipped excluded',
      'INBOX: skipped own_addresses_only',
    ]);
  });
});

describe('a change of the exclusions', () => {
  test('adding one leaves what is logged, also when its folder is numbered anew', async () => {
    await rig.addContact(ben);
    const id = await rig.connect(me);
    deliver('before');
    await rig.pass(id);
    await exclude(ben);
    deliver('after');
    box().renewEpoch('INBOX');
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${ben} | before | live | received`]);
    expect(await rig.ledger()).toEqual(['INBOX: skipped excluded', 'INBOX: skipped excluded']);
  });

  test('removing one brings the mail back that it kept out, as late contact: nothing fires', async () => {
    await rig.addContact(anna);
    await rig.addContact(ben);
    const domain = await exclude('partner.example');
    const id = await rig.connect(me);
    deliver('alone');
    deliver('with anna', { to: [me, anna] });
    await rig.pass(id);
    expect(await lift(domain)).toEqual({ due: 1, logged: 1 });
    await rig.pass(id);
    const back = [
      `${anna} | with anna | live | copied`,
      `${ben} | alone | late_contact | received`,
      `${ben} | with anna | late_contact | received`,
    ];
    expect(await rig.log()).toEqual(back);
    expect(await rig.fired()).toEqual([]);
    deliver('since');
    await rig.pass(id);
    expect(await rig.fired()).toEqual([`${ben} | since`]);
  });

  test('a second mailbox doesn’t make live what an exclusion of the account had kept out', async () => {
    await rig.addContact(ben);
    const account = await exclude(ben);
    const [mine, theirs] = [await rig.connect(me), await rig.connect(colleague, undefined, rig.viewers[1]!)];
    deliver('both', { to: [me, colleague] });
    await rig.pass(mine);
    await lift(account);
    deliver('both', { to: [me, colleague] }, colleague);
    await rig.pass(theirs);
    await rig.pass(mine);
    expect(await rig.log()).toEqual([`${ben} | both | late_contact | received`]);
    expect(await rig.fired()).toEqual([]);
  });

  test('what can’t be fetched yet when it comes back is late all the same', async () => {
    await rig.addContact(ben);
    const rule = await exclude(ben);
    const id = await rig.connect(me);
    const place = deliver('slow');
    await rig.pass(id);
    await lift(rule);
    box().fail('message', new ProviderError('protocol', 'The body never came.'), { place, times: 1 });
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['INBOX: quarantined fetch_failed']);
    await rig.hurry();
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${ben} | slow | late_contact | received`]);
    expect(await rig.fired()).toEqual([]);
  });

  test('while another one covers the same, all stays out, and is named by the other; undone in time, nothing comes', async () => {
    await rig.addContact(ben);
    const account = await exclude('partner.example');
    const own = await exclude(ben, { scope: 'personal' });
    const id = await rig.connect(me);
    deliver('kept out');
    await rig.pass(id);
    expect(await noted()).toEqual([`excluded: ${ben} by partner.example`]);
    expect(await lift(account)).toEqual({ due: 0, logged: 0 });
    expect(await noted()).toEqual([`excluded: ${ben} by ${ben}`]);
    expect(await lift(own)).toEqual({ due: 1, logged: 0 });
    await restoreExclusion(rig.db, rig.viewers[0]!, own.id);
    await rig.pass(id);
    expect(await rig.log()).toEqual([]);
    expect(await rig.ledger()).toEqual(['INBOX: skipped excluded']);
  });

  test('a contact added later at an excluded domain is told of without fetching, and comes back with it', async () => {
    const id = await rig.connect(me);
    const domain = await exclude('partner.example');
    deliver('early');
    await rig.pass(id);
    expect(await rig.ledger()).toEqual(['INBOX: skipped no_contact']);
    await rig.addContact(ben);
    expect(await rig.ledger()).toEqual(['INBOX: skipped excluded']);
    expect(await noted()).toEqual([`excluded: ${ben} by partner.example`]);
    await lift(domain);
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${ben} | early | late_contact | received`]);
  });

  test('erasing the others leaves the row to the excluded one', async () => {
    const annaId = await rig.addContact(anna);
    await rig.addContact(ben);
    const domain = await exclude('partner.example');
    const id = await rig.connect(me);
    deliver('both', { to: [me, anna] });
    await rig.pass(id);
    await deleteContact(rig.db, rig.contactDeps, rig.accountId, annaId);
    expect(await rig.ledger()).toEqual(['INBOX: skipped excluded']);
    await lift(domain);
    await rig.pass(id);
    expect(await rig.log()).toEqual([`${ben} | both | late_contact | received`]);
  });

  test('races with the ingest lose nothing: each message is in the log in the end, once', async () => {
    await rig.addContact(ben);
    const id = await rig.connect(me);
    for (let round = 0; round < 4; round += 1) {
      const rule = await exclude(ben);
      for (let i = 0; i < 12; i += 1) deliver(`${round}.${i}`);
      await Promise.all([rig.pass(id), lift(rule)]);
    }
    await rig.pass(id);
    expect(await rig.log()).toHaveLength(48);
  });
});

describe('why', () => {
  const why = async (subject: string, viewer = rig.viewers[0]!) => {
    const key = await accountKey(rig.db, sealer, rig.accountId);
    return (await whyMessage(rig.db, key, viewer, `${subject}@x`)).sightings.map(({ explanation, excluded }) => ({
      explanation,
      excluded,
    }));
  };
  const named = expect.objectContaining({ address: ben });

  test('names to the mailbox’s owner who was left out, and by what; also when that was removed since', async () => {
    await rig.addContact(anna);
    await rig.addContact(ben);
    const rule = await exclude('partner.example');
    const id = await rig.connect(me);
    deliver('both', { to: [me, anna] });
    deliver('alone');
    await rig.pass(id);
    const account = { kind: 'domain', value: 'partner.example', scope: 'account' };
    const both = (await why('both'))[0]!;
    expect(both.explanation).toMatch(
      /belongs to a contact.* ben@partner.example was left out: the account excludes partner.example\.$/,
    );
    expect(both.excluded).toEqual([{ contact: named, exclusion: account, removed: false }]);
    expect((await why('alone'))[0]!.explanation).toMatch(
      /^Every contact who takes part was excluded.*excludes partner.example\.$/,
    );
    await lift(rule);
    expect((await why('both'))[0]!.explanation).toMatch(/excludes partner.example \(removed since\)\.$/);
  });

  test('tells admins of others’ mailboxes the account’s exclusions, but neither people nor personal ones, and nothing of Bcc', async () => {
    await rig.addContact(ben);
    await rig.addContact(anna);
    await exclude(anna);
    const [admin, user] = [rig.viewers[0]!, rig.viewers[1]!];
    await exclude(ben, { scope: 'personal' }, user);
    const id = await rig.connect(colleague, ['INBOX', 'Sent'], user);
    deliver('personal', {}, colleague);
    deliver('account', { from: anna }, colleague);
    deliver('blind', { from: colleague, to: 'x@x.example', bcc: anna }, colleague);
    await rig.pass(id);
    const hidden = { contact: null, removed: false };
    expect(await why('personal', admin)).toEqual([
      {
        explanation: expect.stringMatching(
          /One contact was left out: the mailbox's owner has an exclusion of their own\.$/,
        ),
        excluded: [{ ...hidden, exclusion: null }],
      },
    ]);
    expect(JSON.stringify(await why('personal', admin))).not.toContain(ben);
    const byAccount = { kind: 'address', value: anna, scope: 'account' };
    expect((await why('account', admin))[0]!.excluded).toEqual([{ ...hidden, exclusion: byAccount }]);
    expect(JSON.stringify(await why('blind', admin))).not.toContain(anna);
    expect((await why('blind', user))[0]!.explanation).toContain(anna);
    expect((await why('personal', user))[0]!.explanation).toMatch(/was left out: you exclude ben@partner.example\.$/);
  });

  test('tells admins nothing of a Bcc either that becomes a contact later', async () => {
    await exclude('customer.example');
    const [admin, user] = [rig.viewers[0]!, rig.viewers[1]!];
    const id = await rig.connect(colleague, ['INBOX', 'Sent'], user);
    deliver('blind', { from: colleague, to: 'x@x.example', bcc: anna }, colleague);
    deliver('open', { from: colleague, to: anna, bcc: `${anna}, y@y.example` }, colleague);
    await rig.pass(id);
    await rig.addContact(anna);
    const exclusion = { kind: 'domain', value: 'customer.example', scope: 'account' };
    expect((await why('blind', admin))[0]!.excluded).toEqual([]);
    expect((await why('open', admin))[0]!.excluded).toEqual([{ contact: null, exclusion, removed: false }]);
    expect((await why('blind', user))[0]!.explanation).toContain(anna);
  });

  test('nor of one whose message was erased and is back among the skipped', async () => {
    const annaId = await rig.addContact(anna);
    const [admin, user] = [rig.viewers[0]!, rig.viewers[1]!];
    const id = await rig.connect(colleague, ['INBOX', 'Sent'], user);
    deliver('blind', { from: colleague, to: 'x@x.example', bcc: anna }, colleague);
    deliver('open', { from: colleague, to: anna }, colleague);
    await rig.pass(id);
    await deleteContact(rig.db, rig.contactDeps, rig.accountId, annaId);
    await exclude('customer.example');
    await rig.addContact(anna);
    expect((await why('blind', admin))[0]!.excluded).toEqual([]);
    expect((await why('open', admin))[0]!.excluded).toHaveLength(1);
    expect((await why('blind', user))[0]!.explanation).toContain(anna);
  });
});

test('10,000 contacts are matched against 10,000 exclusions in two queries', async () => {
  const connectionId = await rig.connect(me);
  const { accountId, db } = rig;
  await sql`
    insert into exclusion (account_id, kind, value)
    select ${accountId}, 'domain', 'd' || n * 3 || '.example' from generate_series(1, 10000) n`.execute(db);
  await sql`
    with made as (insert into contact (account_id) select ${accountId} from generate_series(1, 10000) returning id)
    insert into contact_address (account_id, contact_id, address_key, address, hash)
    select ${accountId}, id, 'p@sub.d' || row_number() over () || '.example', '', uuid_send(id) from made`.execute(db);
  const keys = Array.from({ length: 10_000 }, (_, i) => `p@sub.d${i + 1}.example`);
  const queries: unknown[] = [];
  const counted = db.withPlugin({
    transformQuery: ({ node }) => {
      queries.push(node);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const { contacts, excluded } = await matchAddresses(counted, { accountId, connectionId }, keys);
  expect([contacts.size, excluded.size]).toEqual([6667, 3333]);
  expect(queries).toHaveLength(2);
});
