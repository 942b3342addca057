import type { Cursor, Stream } from '../provider.ts';
import { compare, cursorIn } from './cursor.ts';
import { type FolderState, folderStates } from './folder-states.ts';
import { look } from './look.ts';
import type { Sessions } from './sessions.ts';

/** The streams whose folder is not as the cursor says, or is gone. One whose cursor can't be read is left to changes(): the others are to be asked all the same. */
export async function stale(sessions: Sessions, streams: { stream: Stream; cursor: Cursor }[]): Promise<Stream[]> {
  if (streams.length === 0) return [];
  const states = await folderStates(
    sessions,
    streams.map(({ stream }) => stream.ref),
  );
  return streams
    .filter(({ stream, cursor }) => isStale(states.get(stream.ref) ?? null, cursor))
    .map(({ stream }) => stream);
}

/** Whether the folder, opened on the connection that waits in IDLE, shows just what the cursor says. */
export async function isAsBefore(sessions: Sessions, folder: string, text: Cursor): Promise<boolean> {
  const cursor = cursorIn(text);
  if (!cursor) return false;
  const seen = await look(sessions, folder, cursor.low, { fresh: true, aside: true });
  const { added, vanished } = compare(cursor, seen);
  const sameState = (['uidValidity', 'uidNext', 'exists'] as const).every((one) => seen[one] === cursor[one]);
  return sameState && cursor.relist === undefined && added.length + vanished.length === 0;
}

function isStale(status: FolderState | null, text: Cursor): boolean {
  if (!status) return true;
  const cursor = cursorIn(text);
  if (!cursor) return true;
  const renumbered = String(status.uidValidity) !== cursor.uidValidity;
  // Courier numbers a folder anew each time it is asked, as long as it is empty: there is nothing to list.
  if (renumbered && status.messages === 0 && cursor.exists === 0) return false;
  return (
    cursor.relist !== undefined ||
    renumbered ||
    status.messages !== cursor.exists ||
    // Where a server does not tell it, one that came and one that went look like nothing: only the pass can see.
    status.uidNext !== cursor.uidNext
  );
}
