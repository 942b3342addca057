import { sql } from 'kysely';
import type { Trx } from '../db/open.ts';
import { addressKey } from '../mail/address.ts';
import type { Verdict } from '../mail/verdict.ts';
import { openKeys } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import type { Decision, KnownMessage } from './decide.ts';
import type { Hold } from './hold.ts';

interface Decided {
  candidate: Candidate;
  decision: Decision;
}

/**
 * Who got a message is said by the copies whose sender is confirmed, where there are such. Any other copy gives nobody else an item: whoever a forger names would read the
 * genuine mail. A Bcc stands in one copy alone, such as the sender's own, so it counts unless that copy failed. `known` by identity.
 */
export async function onlyGenuineRecipients(
  trx: Trx | Hold['db'],
  accountId: string,
  decided: readonly Decided[],
  known: ReadonlyMap<string, KnownMessage>,
  verdictOf: (candidate: Candidate) => Verdict,
): Promise<Decided[]> {
  const logged = decided.filter(({ decision }) => decision.state === 'logged');
  const limits = new Map<Decided, { verdict: Verdict; messageId: string | null; keys: Set<string> }>();
  for (const [identity, copies] of Map.groupBy(logged, ({ candidate }) => candidate.identity!)) {
    const stored = known.get(identity);
    // Most messages have one copy, which needs no look at its sender here.
    if (!stored?.confirmed && copies.length === 1) continue;
    const verdicts = new Map(copies.map((copy) => [copy, verdictOf(copy.candidate)]));
    const genuine = copies.filter((copy) => verdicts.get(copy) === 'pass');
    if (!stored?.confirmed && genuine.length === 0) continue;
    const keys = new Set(genuine.flatMap(({ candidate }) => [...openKeys(candidate)]));
    const messageId = stored?.confirmed ? stored.messageId : null;
    for (const [copy, verdict] of verdicts) if (verdict !== 'pass') limits.set(copy, { verdict, messageId, keys });
  }
  if (limits.size === 0) return [...decided];
  const recipients = await recipientsOf(
    trx,
    accountId,
    [...limits.values()].flatMap(({ messageId }) => messageId ?? []),
  );
  return decided.map((one) => {
    const limit = limits.get(one);
    if (!limit) return one;
    const disputed = limit.verdict === 'fail';
    const items = one.decision.items.filter(({ role, address }) => {
      if (role === 'bcc') return !disputed;
      const key = addressKey(address)!;
      return limit.keys.has(key) || recipients.has(`${limit.messageId} ${key}`);
    });
    return { ...one, decision: { ...one.decision, items, disputed } };
  });
}

/** Who stands openly in these messages: "message id, address key". */
async function recipientsOf(
  db: Trx | Hold['db'],
  accountId: string,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (messageIds.length === 0) return new Set();
  const { rows } = await sql<{ messageId: string; key: string }>`
    select message_id as "messageId", address_key as key from message_participant
    where account_id = ${accountId} and message_id = any(${messageIds}::uuid[]) and role in ('from', 'to', 'cc')`.execute(
    db,
  );
  return new Set(rows.map(({ messageId, key }) => `${messageId} ${key}`));
}
