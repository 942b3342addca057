import type { Readable } from 'node:stream';
import { serverVerdict } from '../mail/verdict.ts';
import type { Candidate } from './candidate.ts';
import type { Hold } from './hold.ts';
import { peekHead } from './peek-head.ts';

/** Keys are kept for a week or so after the last message that was signed with them. */
const freshMs = 3 * 86_400_000;

/**
 * Finds out who a message is from where the mailbox's own server says nothing, and notes it in `checked`. Only of mail that a contact sent just now: of old mail the keys are
 * gone. `open` gives the raw message, once for each call. Throws nothing: a check that breaks finds nothing.
 */
export async function checkSender(
  hold: Hold,
  candidate: Candidate,
  open: () => Promise<Buffer | Readable>,
): Promise<void> {
  const { senderChecks, trust } = hold;
  if (senderChecks === null || trust === null || !isFresh(candidate)) return;
  if (candidate.head === null || serverVerdict(candidate.head, trust) !== null) return;
  try {
    candidate.checked = await senderChecks.check(await headerOf(await open()), trust, async (keys) => {
      return await hold.parser.verify(await open(), hold.connectionId, keys);
    });
  } catch {
    candidate.checked = null;
  }
}

function isFresh({ received, ownClass, row, receivedAt }: Candidate): boolean {
  if (!received || ownClass !== 'live') return false;
  // One that could not be read at first is new; all else was decided before.
  if (row !== null && (row.state !== 'quarantined' || (row.class ?? 'live') !== 'live')) return false;
  return receivedAt === null || Date.now() - receivedAt.getTime() < freshMs;
}

async function headerOf(raw: Buffer | Readable): Promise<Buffer> {
  if (Buffer.isBuffer(raw)) return raw;
  const { head } = await peekHead(raw);
  raw.destroy();
  return head;
}
