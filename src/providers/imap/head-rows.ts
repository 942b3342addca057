import type { FetchMessageObject, ImapFlow } from 'imapflow';

/** A row of an answer to FETCH with its head. */
export type HeadRow = Pick<FetchMessageObject, 'uid' | 'flags' | 'internalDate' | 'size' | 'headers' | 'labels'>;

/** An answer of the server: its lines without the last one's end, its literals, and how to ask for the next one. */
interface Answer {
  payload: Buffer;
  literals: Buffer[];
  next(): void;
}

/**
 * Runs `work`, and meanwhile takes rows with heads before imapflow's parser gets them, to which each costs as much as all the rest of its way. Only rows as servers usually write them:
 * others, and all other answers, take the usual way.
 */
export async function takeHeadRows<T>(
  client: ImapFlow,
  take: (row: HeadRow) => void,
  work: () => Promise<T>,
): Promise<T> {
  // The stream that cuts what comes from the server into answers. The next one is cut only when the last has been dealt with.
  const { streamer } = client as unknown as { streamer: { push(answer: Answer | null): boolean } };
  const push = streamer.push.bind(streamer);
  streamer.push = (answer) => {
    const row = answer && readHeadRow(answer);
    if (!row) return push(answer);
    take(row);
    answer.next();
    return true;
  };
  try {
    return await work();
  } finally {
    streamer.push = push;
  }
}

/** One item of a row and what follows it (RFC 9051, 7.5.2), as servers usually write it. */
const item = new RegExp(
  [
    String.raw`(?:UID ([1-9]\d{0,9})`,
    String.raw`RFC822\.SIZE (\d{1,15})`,
    // Atoms.
    String.raw`FLAGS \(([!#-'*-Z\\^-z|~ ]*)\)`,
    String.raw`INTERNALDATE "([\w :+-]{1,40})"`,
    String.raw`(BODY\[HEADER\.FIELDS \([\w "-]*\)\] \{\d+\}\r\n)`,
    String.raw`MODSEQ \(\d{1,20}\)`,
    String.raw`EMAILID \([\w-]{1,255}\))(?: |\)$)`,
  ].join('|'),
  'iy',
);

/** Null when it isn't a row with a head, or not quite a usual one. */
function readHeadRow({ payload, literals: [headers, ...more] }: Answer): HeadRow | null {
  if (headers === undefined || more.length > 0 || payload.length > 4096) return null;
  const text = payload.toString('latin1');
  const start = /^\* \d{1,10} FETCH \(/i.exec(text);
  if (start === null || !text.endsWith(')')) return null;
  const row: Partial<HeadRow> = {};
  for (let at = start[0].length; at < text.length; at = item.lastIndex) {
    item.lastIndex = at;
    const match = item.exec(text);
    if (match === null) return null;
    const [, uid, size, flags, date, header] = match;
    if (uid !== undefined) row.uid = Number(uid);
    else if (size !== undefined) row.size = Number(size);
    else if (flags !== undefined) row.flags = new Set(flags.split(' ').filter((flag) => flag !== ''));
    else if (date !== undefined) row.internalDate = new Date(date);
    else if (header !== undefined) row.headers = headers;
  }
  return row.uid !== undefined && row.headers !== undefined ? { ...row, uid: row.uid } : null;
}
