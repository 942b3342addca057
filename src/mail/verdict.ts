import { isIP } from 'node:net';
import { addressKey } from './address.ts';
import { parseAuthenticationResults } from './authentication-results.ts';
import type { MethodResult } from './authentication-results.ts';
import type { Head } from './head.ts';
import { organisationalDomain } from './organisational-domain.ts';
import { unfold } from './parse-head.ts';
import { parseReceived } from './received.ts';

/** Whether a message is from the domain that its From names: aligned as DMARC wants it (RFC 7489, section 3.1). 'none': nobody can say. */
export type Verdict = 'pass' | 'fail' | 'none';

export interface SenderVerdict {
  verdict: Verdict;
  /** The server that found so; null: Letterlog itself (mail/sender-checks.ts), or nobody. */
  by: string | null;
  /** What it was found from, e.g. "dmarc=fail, spf=softfail". */
  results: string | null;
}

/** Whose word counts for a mailbox. */
export interface Trust {
  /** The authserv-id of the mailbox's own server; "*.example.com" stands for every host of it. Null: not known. */
  authserv: string | null;
  /** Names of the receiving side: the mailbox's server, the domain of its address. */
  hosts: readonly string[];
}

/** Microsoft's servers name nobody in their results. They put theirs on top of whatever came with the mail. */
const unnamedAt = '*.outlook.com';

/**
 * What the mailbox's own server found about the sender. Null when it didn't say: no field that can be trusted, or none about the domain in From.
 * A From with addresses of several organisations can't be confirmed by anybody: a server looks at one of them, and the contact may be the other.
 */
export function serverVerdict(head: Pick<Head, 'from' | 'trace'>, trust: Trust): SenderVerdict | null {
  const [domain, another] = senderDomains(head);
  const said = domain === undefined ? null : trustedResults(head.trace, trust);
  if (domain === undefined || said === null) return null;
  if (another !== undefined) return severalSenders;
  const verdict = decide(said.results, domain);
  if (verdict === null) return null;
  const shown = said.results.filter(({ method }) => ['dmarc', 'spf', 'dkim'].includes(method));
  const results = shown.map(({ method, result }) => `${method}=${result}`).join(', ');
  return { verdict, by: stored(said.by, 255), results: stored(results, 300) || null };
}

/** A server, or a signature, speaks for one of them, and the contact may be another. */
export const severalSenders: SenderVerdict = { verdict: 'fail', by: null, results: 'From names several domains' };

function stored(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed();
}

/** The organisational domains of the addresses in From. */
export function senderDomains({ from }: Pick<Head, 'from'>): string[] {
  const domains = from.map(({ address }) => organisationalDomain(addressKey(address)?.split('@').at(-1) ?? ''));
  return [...new Set(domains.filter((domain) => domain !== null))];
}

/** The domain owner's rule decides where it was looked at; else a signature or an envelope that is aligned shows that it is genuine, and nothing shows that it isn't. */
function decide(results: readonly MethodResult[], domain: string): Verdict | null {
  const dmarc = results.find(({ method }) => method === 'dmarc');
  const checked = dmarc?.properties.get('header.from');
  if (dmarc?.result === 'fail') return 'fail';
  // The server read another sender than we do.
  if (dmarc?.result === 'pass') return checked === undefined || domainOf(checked) === domain ? 'pass' : 'fail';
  if (results.some((result) => isAligned(result, domain))) return 'pass';
  return dmarc === undefined ? null : 'none';
}

function isAligned({ method, result, properties }: MethodResult, domain: string): boolean {
  if (result !== 'pass') return false;
  const names = { dkim: ['header.d', 'header.i'], spf: ['smtp.mailfrom', 'smtp.mail', 'smtp.from'] }[method] ?? [];
  const name = names.map((property) => properties.get(property)).find((value) => value !== undefined);
  return name !== undefined && domainOf(name) === domain;
}

const domainOf = (address: string) => organisationalDomain(address.split('@').at(-1)!);

/**
 * The results of the mailbox's own server (RFC 8601, sections 1.6 and 7.1). The topmost field with its name counts, if it stands above every Received of another
 * organisation; of a server that writes a field for each method, those of one hop together. What the sender wrote is further down: a server that writes such fields removes or outranks it.
 */
function trustedResults(trace: Head['trace'], trust: Trust): { by: string; results: MethodResult[] } | null {
  if (trust.authserv === null) return null;
  const heard = new Set<string>();
  const results: MethodResult[] = [];
  for (const { name, value } of ownTrace(trace, trust)) {
    if (name === null) {
      if (heard.size > 0) break;
      continue;
    }
    if (!matchesAuthserv(trust.authserv, name) || heard.has(name)) continue;
    heard.add(name);
    const said = parseAuthenticationResults(value);
    // Garbled by what a sender had it repeat: then nothing was said, and what is further down doesn't stand in for it.
    if (said === null) break;
    results.push(...said.results);
  }
  return heard.size === 0 ? null : { by: [...heard].join(', '), results };
}

/** Whether an authserv-id is the one that is trusted, or of the domain that is. */
export function matchesAuthserv(trusted: string, id: string): boolean {
  const [wanted, name] = [trusted.toLowerCase(), id.toLowerCase()];
  return wanted.startsWith('*.') ? name === wanted.slice(2) || name.endsWith(wanted.slice(1)) : name === wanted;
}

/** A trace field of the receiving side: a Received (`name` null), or results with the name of who wrote them. */
interface OwnField {
  name: string | null;
  value: string;
}

/** The trace down to the first Received that another organisation wrote; the topmost Received was written by the mailbox's own server. */
function* ownTrace(trace: Head['trace'], trust: Trust): Generator<OwnField> {
  const own = ownDomains(trace, trust);
  for (const { name, folded } of trace) {
    const value = unfold(folded);
    if (name === 'received') {
      const { by } = parseReceived(value);
      if (by !== null && isForeign(by, own)) return;
      yield { name: null, value };
      continue;
    }
    const said = parseAuthenticationResults(value);
    const id = said === null ? (/^[^\s;="()]+(?=\s*;)/.exec(value)?.[0].toLowerCase() ?? null) : said.authservId;
    const writer = id ?? (trust.authserv === unnamedAt ? unnamedAt.slice(2) : null);
    if (writer !== null) yield { name: writer, value };
  }
}

/** The organisations of the receiving side: of its known names, and of whoever wrote the topmost Received. */
export function ownDomains(trace: Head['trace'], trust: Trust): Set<string> {
  const topmost = trace.find(({ name }) => name === 'received');
  const by = topmost && parseReceived(unfold(topmost.folded)).by;
  const names = [...trust.hosts, ...(by ? [by] : []), ...(trust.authserv ? [trust.authserv.replace(/^\*\./, '')] : [])];
  return new Set(names.map(organisationalDomain).filter((domain) => domain !== null));
}

/** Whether a host is of none of these organisations. Addresses and names that only mean something within a network say nothing about who it is. */
export function isForeign(host: string, own: ReadonlySet<string>): boolean {
  if (isIP(host.replace(/^\[|\]$/g, '')) > 0 || !host.includes('.')) return false;
  if (/\.(?:local|localdomain|localhost|lan|internal|intranet|private|corp|home|arpa)$/.test(host)) return false;
  const domain = organisationalDomain(host);
  return domain !== null && !own.has(domain);
}

/** A message of the past, as far as learning looks at it. */
export interface Sample {
  head: Pick<Head, 'from' | 'trace'>;
  receivedAt: Date | null;
}

/**
 * Finds out under which name a mailbox's server writes its results, from the newest mail in its inbox; null while that isn't certain. A server that writes none must not
 * let a sender choose, so two things must hold that one sender can't bring about: the field stands above every Received, or bears the name of a host of the receiving side; and
 * it is there in the mail of at least nine of ten sending organisations (five or more), on three or more days.
 */
export function learnAuthserv(samples: readonly Sample[], hosts: readonly string[]): string | null {
  const votes = new Map<string, string | null>();
  const ids = new Map<string, { names: Set<string>; days: Set<string>; messages: number }>();
  for (const { head, receivedAt } of samples) {
    const [sender, another] = senderDomains(head);
    // Colleagues' mail isn't checked by many servers.
    if (!sender || another || hosts.some((host) => organisationalDomain(host) === sender)) continue;
    if (!head.trace.some(({ name }) => name === 'received')) continue;
    const name = ownName(head.trace, hosts);
    const organisation = name === null ? null : organisationalDomain(name);
    if (!votes.has(sender)) votes.set(sender, organisation);
    if (name === null || organisation === null) continue;
    const seen = ids.get(organisation) ?? { names: new Set(), days: new Set(), messages: 0 };
    seen.names.add(name);
    seen.messages += 1;
    if (receivedAt) seen.days.add(receivedAt.toISOString().slice(0, 10));
    ids.set(organisation, seen);
  }
  for (const [organisation, { names, days, messages }] of ids) {
    const count = [...votes.values()].filter((vote) => vote === organisation).length;
    if (count < 5 || count < votes.size * 0.9 || days.size < 3 || messages < 10) continue;
    return names.size === 1 ? [...names][0]! : `*.${organisation}`;
  }
  return null;
}

/** The name in the topmost results, where a sender can't have written them, or not easily. */
function ownName(trace: Head['trace'], hosts: readonly string[]): string | null {
  const trust = { authserv: null, hosts };
  let hops = 0;
  for (const { name } of ownTrace(trace, trust)) {
    if (name === null) hops += 1;
    else return hops === 0 || ownDomains(trace, trust).has(organisationalDomain(name) ?? '') ? name : null;
  }
  return null;
}
