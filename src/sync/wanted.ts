import type { Candidate } from './candidate.ts';
import { isReceived } from './decide.ts';
import { databaseFor } from './hold.ts';
import type { Hold } from './hold.ts';
import { findStored } from './ledger.ts';
import { inParts } from './parts.ts';
import { hasContact, matchAll, mayBeConfirmed } from './store.ts';

/**
 * Those whose bodies are worth fetching: they match a contact and aren't stored yet, or only from copies that may be forged. Notes which of them a contact sent. A hint only,
 * read outside the transaction that decides (docs/decisions/0003).
 */
export async function wantedBodies(hold: Hold, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const wanted: Candidate[] = [];
  for (const part of inParts(candidates)) wanted.push(...(await wantedAmong(hold, part)));
  return wanted;
}

async function wantedAmong(hold: Hold, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const db = databaseFor(hold, candidates.length);
  const matches = await matchAll(db, hold, candidates);
  const matched = candidates.filter((one) => one.early === null && one.identity !== null && hasContact(one, matches));
  const stored = await findStored(
    db,
    hold.accountId,
    matched.map((one) => one.identity!),
  );
  for (const one of matched) one.received = isReceived(one, matches);
  return matched.filter((one) => {
    const known = stored.get(one.identity!);
    return !known || (known.forged && mayBeConfirmed(hold, one));
  });
}
