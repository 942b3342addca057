import type { MailboxObject } from 'imapflow';
import { type Cursor, ProviderError, type Renamed, type Stream } from '../provider.ts';
import { cursorIn, type ImapCursor } from './cursor.ts';
import { uidsFrom } from './look.ts';
import type { Sessions } from './sessions.ts';

interface Gone {
  stream: Stream;
  cursor: ImapCursor;
}

/**
 * Which of the folders that are gone live on under a new name: by MAILBOXID (OBJECTID, RFC 8474), which is sure; on other servers by UIDVALIDITY and the
 * newest UIDs, which two folders may share by chance. Each folder that appeared is opened once.
 */
export async function renamed(
  sessions: Sessions,
  lost: { stream: Stream; cursor: Cursor }[],
  appeared: Stream[],
): Promise<Renamed[]> {
  const gone = lost.flatMap(({ stream, cursor: text }) => {
    const cursor = cursorIn(text);
    return cursor ? [{ stream, cursor }] : [];
  });
  const found: Renamed[] = [];
  for (const to of appeared) {
    const alike = await matching(sessions, gone, to).catch((error: unknown) => {
      // One that can't be opened, or is gone again, is nothing to go by; it must not keep the others from being read.
      if (
        error instanceof ProviderError &&
        error.kind !== 'auth' &&
        error.kind !== 'rate-limit' &&
        error.reason !== 'unreachable'
      )
        return [];
      throw error;
    });
    found.push(...alike);
  }
  return found;
}

function matching(sessions: Sessions, gone: readonly Gone[], to: Stream): Promise<Renamed[]> {
  return sessions.run(
    to.ref,
    async (client, mailbox) => {
      const state = mailbox as MailboxObject;
      const { mailboxId } = state;
      const same = mailboxId && gone.find(({ cursor }) => cursor.mailboxId === mailboxId);
      if (same) return [{ from: same.stream, to, sure: true }];
      const found: Renamed[] = [];
      for (const { stream, cursor } of gone) {
        if (mailboxId && cursor.mailboxId) continue;
        if (String(state.uidValidity) !== cursor.uidValidity) continue;
        if (state.uidNext && state.uidNext < cursor.uidNext) continue;
        const known = new Set(cursor.recent);
        const present =
          state.exists > 0 && known.size > 0 ? await uidsFrom(client, state, Math.max(1, cursor.low)) : [];
        // Of an empty one only its numbers can be compared.
        const empty = known.size === 0 && state.exists === 0 && state.uidNext === cursor.uidNext;
        if (empty || present.some((uid) => known.has(uid))) found.push({ from: stream, to, sure: false });
      }
      return found;
    },
    { fresh: true },
  );
}
