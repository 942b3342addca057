import { lateRules } from '../log/rules.ts';
import { keyedHashHex } from '../mail/hash.ts';
import { matchedKeys, openKeys } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import type { Decision } from './decide.ts';
import type { Hold } from './hold.ts';

/** Keyed hashes of a sighting's participants, as PostgreSQL writes bytea[]; `blind`: those of them who stand in Bcc only. */
export interface Strangers {
  all: string;
  blind: string | null;
}

/**
 * What the ledger keeps of who takes part in what isn't logged, so that it is found should they become contacts (of a quarantined row: those who are none yet); null where
 * nothing is kept. For the sightings of one transaction: nobody's hash is made twice.
 */
export function strangersIn(
  { hashKey, ownKeys }: Pick<Hold, 'hashKey' | 'ownKeys'>,
  contacts: ReadonlyMap<string, string>,
): (candidate: Candidate, decision: Decision) => Strangers | null {
  const hashes = new Map<string, string>();
  const hashOf = (key: string) => {
    let hash = hashes.get(key);
    if (hash === undefined) hashes.set(key, (hash = `"\\\\x${keyedHashHex(hashKey, key)}"`));
    return hash;
  };
  return (candidate, { state, rule }) => {
    if (state !== 'quarantined' && !lateRules.includes(rule)) return null;
    const isKept = (key: string) => !ownKeys.has(key) && !(state === 'quarantined' && contacts.has(key));
    const kept = [...new Set(matchedKeys(candidate))].filter(isKept);
    if (kept.length === 0) return null;
    const open = candidate.people.some(({ role }) => role === 'bcc') ? openKeys(candidate) : null;
    const blind = open === null ? [] : kept.filter((key) => !open.has(key));
    return { all: arrayOf(kept.map(hashOf)), blind: blind.length === 0 ? null : arrayOf(blind.map(hashOf)) };
  };
}

const arrayOf = (elements: readonly string[]) => `{${elements.join(',')}}`;
