import type { StatusObject } from 'imapflow';
import type { Cursor, Stream } from '../provider.ts';
import { readCursor } from './cursor.ts';
import type { Sessions } from './sessions.ts';

const query = { uidNext: true, uidValidity: true, messages: true };

/** The streams whose folder is not as the cursor says, or is gone: by LIST-STATUS (RFC 5819) all in one round trip. */
export async function stale(sessions: Sessions, streams: { stream: Stream; cursor: Cursor }[]): Promise<Stream[]> {
  if (streams.length === 0) return [];
  const states = await sessions.run(null, async (client) => {
    const found = new Map<string, StatusObject | null>();
    // Of the folder that is open, servers tell what they told last (RFC 9051, 6.3.11 advises against asking), unless they are made to look.
    if (client.mailbox) await client.noop();
    if (streams.length > 1 && (client.capabilities.has('LIST-STATUS') || client.enabled.has('IMAP4REV2'))) {
      for (const folder of await client.list({ statusQuery: query })) found.set(folder.path, folder.status ?? null);
      return found;
    }
    for (const { stream } of streams) {
      // A folder that is gone is worth asking: that is how it is found out.
      const status = await client.status(stream.ref, query).catch((error: { code?: string }) => {
        if (error.code === 'NotFound') return null;
        throw error;
      });
      found.set(stream.ref, status || null);
    }
    return found;
  });
  return streams
    .filter(({ stream, cursor }) => isStale(states.get(stream.ref) ?? null, cursor))
    .map(({ stream }) => stream);
}

function isStale(status: StatusObject | null, text: Cursor): boolean {
  if (!status) return true;
  const cursor = readCursor(text);
  return (
    cursor.relist !== undefined ||
    String(status.uidValidity) !== cursor.uidValidity ||
    status.messages !== cursor.exists ||
    // Some servers do not tell it; then the count decides, and the pass looks by itself.
    (status.uidNext !== undefined && status.uidNext !== cursor.uidNext)
  );
}
