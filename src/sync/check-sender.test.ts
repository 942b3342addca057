import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fakeDns } from '../../test/fixtures/fake-dns.ts';
import { mail } from '../../test/fixtures/mail.ts';
import type { MailFields } from '../../test/fixtures/mail.ts';
import { signatureOf, signingKey } from '../../test/fixtures/sign-mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { startCheck, viewCheck } from '../connections/checks.ts';
import { setSenderCheck } from '../connections/sender-check.ts';
import { listLog } from '../log/query.ts';
import { createSenderChecks } from '../mail/sender-checks.ts';
import { MailboxChecking } from './check.ts';
import { claim } from './claim.ts';
import { Suspects } from './fetch-bodies.ts';

const anna = 'anna@customer.example';
const me = 'me@acme.example';
const days = 86_400_000;
const key = signingKey();
const records = {
  'TXT s1._domainkey.customer.example': [key.record],
  'TXT _dmarc.customer.example': [['v=DMARC1; p=reject']],
  'TXT customer.example': [['v=spf1 ip4:192.0.2.7 -all']],
};

const database = sharedDatabase();
let rig: SyncRig;
let dns: ReturnType<typeof fakeDns>;
let contactId: string;

beforeEach(async () => {
  rig = await syncRig(database);
  rig.server.mailbox(me);
  contactId = await rig.addContact(anna);
  answerFrom(records);
});
afterEach(() => checkInvariants(database.db));

function answerFrom(zone: Record<string, unknown>): void {
  dns = fakeDns(zone);
  rig.deps.senderChecks = createSenderChecks(dns.ask, { milliseconds: 200 });
}

const box = () => rig.server.mailboxes.get(me)!;
/** As a server writes it that checks nobody: from a host that isn't the customer's. */
const top = [
  `Return-Path: <${anna}>`,
  'Received: from out.example (out.example [198.51.100.66]) by mx.acme.example (Postfix) with ESMTPS; Mon, 1 Jun 2026 10:00:00 +0000',
  '',
].join('\r\n');

const forged = (fields: Partial<MailFields> = {}) => top + mail({ from: anna, to: me, subject: 'forged', ...fields });

async function signed(fields: Partial<MailFields> = {}): Promise<string> {
  const raw = mail({ from: anna, to: me, subject: 'signed', ...fields });
  return top + (await signatureOf(raw, { pem: key.pem, domain: 'customer.example' })) + raw;
}

/** The contact's emails by subject: what was found about their senders. */
async function senders() {
  const { items } = await listLog(rig.db, rig.viewers[0]!, contactId, { limit: 100 });
  return Object.fromEntries(items.map((item) => [item.message!.subject, item.mailboxes[0]!.sender]));
}

describe('where the mailbox’s server says nothing about senders', () => {
  test('edge case 23: a forged mail fires nothing, and a signed one does', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', forged());
    box().append('INBOX', await signed());
    await rig.pass(id);
    expect(await senders()).toEqual({
      forged: { verdict: 'fail', by: null, results: 'dmarc=fail, spf=fail, dkim=none' },
      signed: { verdict: 'pass', by: null, results: 'dmarc=pass, spf=fail, dkim=pass' },
    });
    expect(await rig.fired()).toEqual([`${anna} | signed`]);
  });

  test('a large message is checked as it streams', async () => {
    const id = await rig.connect(me);
    const text = `${'x'.repeat(70)}\r\n`.repeat(20_000);
    box().append('INBOX', await signed({ text }));
    box().append('INBOX', `${await signed({ text, subject: 'altered' })}pay here\r\n`);
    await rig.pass(id);
    expect(await senders()).toMatchObject({ signed: { verdict: 'pass' }, altered: { verdict: 'fail' } });
    expect(await rig.fired()).toEqual([`${anna} | signed`]);
  });

  test('a DNS that is down holds nothing up for long, and is no fail', async () => {
    answerFrom({ '*': 'silence' });
    const id = await rig.connect(me);
    for (let n = 0; n < 100; n += 1) box().append('INBOX', forged({ subject: `m${n}` }));
    await rig.pass(id);
    // A question for each would hold the page up for 20 seconds.
    expect(dns.asked.length).toBeLessThan(50);
    expect(await rig.fired()).toHaveLength(100);
    expect((await senders())['m99']).toMatchObject({ verdict: 'none', by: null });
    expect((await senders())['m99']!.results).toContain('dns unavailable');
  });

  test('what is found stays: when it is decided anew, and when the mailbox is checked', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', forged());
    box().append('INBOX', await signed());
    await rig.pass(id);
    const found = await senders();
    answerFrom({ '*': 'ESERVFAIL' });
    await rig.db
      .updateTable('sighting')
      .set({ due_at: new Date(0) })
      .where('account_id', '=', rig.accountId)
      .execute();
    await rig.pass(id);
    const { hold, connection } = (await claim(rig.deps, rig.accountId, id))!;
    const mailbox = await rig.deps.providers['memory']!.open(connection.settings, connection.credentials);
    const checkId = await startCheck(rig.db, rig.accountId, id, { userId: rig.viewers[0]!.userId });
    const checking = new MailboxChecking(hold, mailbox, new Suspects());
    while ((await checking.step()).worked);
    await mailbox.close();
    expect(await viewCheck(rig.db, rig.accountId, id, checkId)).toMatchObject({ listed: 2, differences: 0 });
    expect(await senders()).toEqual(found);
    expect(await rig.fired()).toEqual([`${anna} | signed`]);
    expect(dns.asked).toEqual([]);
  });

  test('a message that could not be read at first is checked when it can', async () => {
    const id = await rig.connect(me);
    const { parser } = rig.deps;
    rig.deps.parser = { ...parser, parse: async () => Promise.reject(new Error('worker died')) };
    box().append('INBOX', forged());
    await rig.pass(id);
    expect(await senders()).toEqual({});
    rig.deps.parser = parser;
    await rig.hurry();
    await rig.pass(id);
    expect(await senders()).toMatchObject({ forged: { verdict: 'fail' } });
    expect(await rig.fired()).toEqual([]);
  });

  test('a check that breaks finds nothing, and the message is logged', async () => {
    const id = await rig.connect(me);
    rig.deps.parser = { ...rig.deps.parser, verify: async () => Promise.reject(new Error('worker died')) };
    box().append('INBOX', await signed());
    await rig.pass(id);
    expect(await senders()).toEqual({ signed: { verdict: 'none', by: null, results: null } });
  });
});

describe('nothing is asked of the DNS', () => {
  test('about strangers, about what was sent, and about old mail', async () => {
    const id = await rig.connect(me);
    box().append('INBOX', forged({ from: 'x@stranger.example' }));
    box().append('INBOX', forged({ from: 'x@stranger.example', cc: anna, subject: 'copied' }));
    box().append('Sent', mail({ from: me, to: anna, subject: 'sent' }));
    const old = new Date(Date.now() - 30 * days);
    box().append(
      'INBOX',
      forged({ date: old, subject: 'migrated' }).replace(
        /Mon, 1 Jun 2026 10:00:00/,
        old.toUTCString().replace(' GMT', ''),
      ),
    );
    await rig.pass(id);
    expect(Object.keys(await senders()).sort()).toEqual(['copied', 'migrated', 'sent']);
    expect(dns.asked).toEqual([]);
  });

  test('where the mailbox’s server has said so, and where nobody’s word counts', async () => {
    const id = await rig.connect(me);
    await setSenderCheck(rig.db, rig.viewers[0]!, id, { by: 'given', authservId: 'mx.acme.example' });
    const said = 'Authentication-Results: mx.acme.example; dmarc=pass header.from=customer.example\r\n';
    box().append('INBOX', said + forged({ subject: 'said' }));
    await rig.pass(id);
    await setSenderCheck(rig.db, rig.viewers[0]!, id, { by: 'off' });
    box().append('INBOX', forged({ subject: 'off' }));
    await rig.pass(id);
    expect(await senders()).toMatchObject({
      said: { verdict: 'pass', by: 'mx.acme.example' },
      off: { verdict: 'none' },
    });
    expect(dns.asked).toEqual([]);
  });
});
