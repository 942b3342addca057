import type { StateCode } from '../connections/state.ts';
import { ProviderError } from '../providers/provider.ts';
import type { ProviderErrorKind, ProviderErrorReason } from '../providers/provider.ts';

export interface Policy {
  code: StateCode;
  /** 'sign-in': a person must act, nothing is tried before. Else the first pause in seconds; it doubles up to the longest. */
  pause: 'sign-in' | { first: number; longest: number };
  /** Whether one stream's trouble of this kind concerns the whole mailbox. */
  whole: boolean;
}

const minute = 60;
const soon = { first: 5, longest: 15 * minute };
const later = { first: 5 * minute, longest: 60 * minute };

/** What a connection does on each kind of failure. */
const policies: Record<ProviderErrorKind | 'other', Policy> = {
  auth: { code: 'refused', pause: 'sign-in', whole: true },
  'rate-limit': { code: 'rate_limited', pause: { first: 30, longest: 30 * minute }, whole: true },
  transient: { code: 'unreachable', pause: soon, whole: true },
  gone: { code: 'gone', pause: later, whole: false },
  unsupported: { code: 'unsupported', pause: later, whole: false },
  protocol: { code: 'protocol', pause: later, whole: false },
  // Ours: a bug, or the database.
  other: { code: 'internal', pause: soon, whole: false },
};

const codes: Record<ProviderErrorReason, StateCode> = {
  unreachable: 'unreachable',
  insecure: 'insecure',
  'not-allowed': 'host_not_allowed',
};

export function policyOf(error: unknown): Policy {
  if (!(error instanceof ProviderError)) return policies.other;
  const known = policies[error.kind];
  const policy = error.folderOnly ? { ...known, whole: false } : known;
  return error.reason ? { ...policy, code: codes[error.reason] } : policy;
}

/** Milliseconds until the next try after so many failures in a row (1 at least), with jitter, so that mailboxes of one server don't come back together. */
export function pauseOf(error: unknown, pause: { first: number; longest: number }, failures: number): number {
  const seconds = Math.min(pause.longest, pause.first * 2 ** Math.min(failures - 1, 20));
  const asked = error instanceof ProviderError ? (error.retryAfter ?? 0) : 0;
  return Math.max(asked, seconds * (0.75 + Math.random() / 2)) * 1000;
}
