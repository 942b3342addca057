import ipaddr from 'ipaddr.js';
import { DnsLookups, codeOf } from './dns-lookups.ts';
import type { Resolve } from './dns-lookups.ts';
import { organisationalDomain } from './organisational-domain.ts';
import { readSenderFields } from './sender-fields.ts';
import type { SenderFields } from './sender-fields.ts';
import type { Keys, Signature } from './signatures.ts';
import { severalSenders } from './verdict.ts';
import type { SenderVerdict, Trust } from './verdict.ts';

/** Letterlog's own check of senders, by DNS queries only (docs/decisions/0021). */
export interface SenderChecks {
  /**
   * Whether a received message is from the domain that its From names, as its mailbox's server could have found it out (RFC 7489). Asks the DNS for two seconds at most; without
   * an answer the verdict is 'none', never 'fail'. `header` is the message's beginning, `verify` verifies its signatures (signatures.ts).
   */
  check(header: Buffer, trust: Trust, verify: (keys: Keys) => Promise<Signature[]>): Promise<SenderVerdict | null>;
}

/** A DNS that gives no answer isn't asked again for so long: a page of mail must not wait for it message by message. */
const pauseMs = 30_000;
/** One domain alone may have bad servers. */
const mostLate = 2;

/** Checks that ask this resolver, each message for so many milliseconds in all. */
export function createSenderChecks(
  ask: Resolve,
  options: { milliseconds?: number; now?: () => number } = {},
): SenderChecks {
  const { milliseconds = 2000, now = () => performance.now() } = options;
  /** Domains without an answer, and until when they aren't asked. */
  const late = new Map<string, number>();
  const isPaused = (domain: string) => {
    for (const [one, until] of late) if (until <= now()) late.delete(one);
    return late.has(domain) || late.size >= mostLate;
  };
  return {
    async check(header, trust, verify) {
      const fields = readSenderFields(header, trust);
      if (fields.several) return severalSenders;
      if (fields.domain === null) return null;
      if (isPaused(fields.domain)) return none('dns unavailable');
      const lookups = new DnsLookups(ask, milliseconds);
      try {
        return await checkOne(fields, fields.domain, trust, lookups, verify);
      } finally {
        lookups.end();
        if (lookups.late) late.set(fields.domain, now() + pauseMs);
      }
    },
  };
}

const none = (results: string): SenderVerdict => ({ verdict: 'none', by: null, results });

async function checkOne(
  fields: SenderFields,
  domain: string,
  trust: Trust,
  lookups: DnsLookups,
  verify: (keys: Keys) => Promise<Signature[]>,
): Promise<SenderVerdict> {
  // All questions first: verifying waits for its turn, and the time runs.
  const [keys, spf] = await Promise.all([
    keysOf(fields, lookups),
    checkSpf(fields, domain, lookups),
    askPolicy(fields, lookups, fields.keyNames.map(domainOfKey), envelopeDomains(fields, domain)),
  ]);
  const relayed = spf !== 'pass' && fields.client !== null && (await isRelay(fields.client, trust, lookups));
  lookups.end();
  const signatures = keys.size > 0 ? await verify(keys) : [];

  const passed = signatures.filter((one) => one.result === 'pass' && organisationalDomain(one.domain) === domain);
  const spfDomains = spf === 'pass' ? envelopeDomains(fields, domain) : [];
  const dmarc = await askPolicy(
    fields,
    lookups,
    passed.map((one) => one.domain),
    spfDomains,
  );
  const dkim = passed.length > 0 ? 'pass' : (signatures[0]?.result ?? (fields.unusable ? 'permerror' : 'none'));
  const found = `spf=${spf}, dkim=${dkim}`;
  const by = { by: null, results: `dmarc=${dmarc}, ${found}` };
  // Without a rule of its owner's, what is aligned shows that it is genuine, as with a server's results (verdict.ts).
  if (dmarc === 'pass' || (dmarc === 'none' && passed.length + spfDomains.length > 0))
    return { verdict: 'pass', ...by };
  if (dmarc === 'temperror' || lookups.unavailable) return none(`dns unavailable, ${found}`);
  if (dmarc !== 'fail') return { verdict: 'none', ...by };
  // Whoever passes mail on breaks what it is checked by: that isn't the sender's doing.
  if (relayed) return none(`${found}, came through a relay`);
  if (fields.client === null || fields.envelope === null) return none(`${found}, came from an unknown address`);
  return { verdict: 'fail', ...by };
}

const domainOfKey = (name: string) => name.slice(name.indexOf('._domainkey.') + '._domainkey.'.length);

async function keysOf({ keyNames }: SenderFields, lookups: DnsLookups): Promise<Keys> {
  const answers = keyNames.map(async (name) => [name, await lookups.resolve(name, 'TXT').catch(codeOf)] as const);
  return new Map(await Promise.all(answers));
}

/** The envelope's sender, or else the name that it greeted by (RFC 7208, section 2.4), where it is the organisation's in From: another one proves nothing. */
function envelopeDomains({ envelope, client }: SenderFields, domain: string): string[] {
  const name = envelope === '' ? client?.helo : envelope?.split('@').at(-1);
  return name && organisationalDomain(name) === domain ? [name.toLowerCase()] : [];
}

/** RFC 7208, of an aligned envelope only: others' records, which may take long on purpose, aren't asked for. */
async function checkSpf(fields: SenderFields, domain: string, lookups: DnsLookups): Promise<string> {
  const { client, envelope } = fields;
  if (client === null || envelopeDomains(fields, domain).length === 0) return 'none';
  const { spf } = await import('mailauth/lib/spf/index.js');
  const { status } = await spf({
    sender: envelope ?? '',
    ip: client.ip,
    helo: client.helo ?? client.ip,
    mta: client.by ?? 'localhost',
    resolver: lookups.resolve as Parameters<typeof spf>[0]['resolver'],
  });
  return status.result;
}

/** What the rule of From's domain says of what passed (RFC 9989). The first time all that might pass is given: then it is known what is asked for. */
async function askPolicy(
  { fromDomain }: SenderFields,
  lookups: DnsLookups,
  dkimDomains: readonly string[],
  spfDomains: readonly string[],
): Promise<string> {
  const { evaluateDmarc } = await import('mailauth/lib/dmarc/index.js');
  const { response } = await evaluateDmarc({
    headerFrom: [`from@${fromDomain}`],
    spfDomains: [...spfDomains],
    dkimDomains: dkimDomains.map((domain, id) => ({ id: String(id), domain, aligned: domain })),
    resolver: lookups.resolve as Parameters<typeof evaluateDmarc>[0]['resolver'],
  });
  return response ? response.status.result : 'none';
}

/**
 * Whether the receiving side's own relay handed it over: a host that takes the mailbox's mail from outside, or another one of a filter in front of its server (by a
 * name that leads back to the address).
 */
async function isRelay(
  client: NonNullable<SenderFields['client']>,
  trust: Trust,
  lookups: DnsLookups,
): Promise<boolean> {
  const ip = ipaddr.process(client.ip);
  const type = ip.kind() === 'ipv4' ? 'A' : 'AAAA';
  const leadBack = async (answers: Promise<unknown[]>[]) =>
    (await Promise.all(answers)).flat().some((one) => isAddress(one, ip));
  const takers = await lookups.resolve(trust.hosts[0] ?? '', 'MX').catch(() => []);
  const hosts = takers.slice(0, 5).map((one) => (one as { exchange: string }).exchange);
  if (await leadBack(hosts.map((host) => lookups.resolve(host, type).catch(() => [])))) return true;
  const own = organisationalDomain(client.by ?? '');
  const filters = new Set(hosts.map(organisationalDomain).filter((domain) => domain !== null && domain !== own));
  if (filters.size === 0) return false;
  const names = (await lookups.ofAnybody(reverseName(ip), 'PTR')).slice(0, 3) as string[];
  const ofFilters = names.filter((name) => filters.has(organisationalDomain(name)));
  return await leadBack(ofFilters.map((name) => lookups.ofAnybody(name, type)));
}

type Ip = ReturnType<typeof ipaddr.process>;

function isAddress(one: unknown, ip: Ip): boolean {
  return typeof one === 'string' && ipaddr.isValid(one) && ipaddr.process(one).toString() === ip.toString();
}

/** Where the DNS has the name of an address (RFC 1035, section 3.5; RFC 3596, section 2.5). */
function reverseName(ip: Ip): string {
  const bytes = ip.toByteArray();
  if (bytes.length === 4) return `${bytes.reverse().join('.')}.in-addr.arpa`;
  const digits = bytes.flatMap((byte) => [...byte.toString(16).padStart(2, '0')]);
  return `${digits.reverse().join('.')}.ip6.arpa`;
}
