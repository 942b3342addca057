import type { ImapFlow, MailboxObject, SearchObject } from 'imapflow';

/** Messages that one answer tells of: it is one line, 7 MB for a million, and takes many times that while it is parsed. */
const windowOf = 20_000;

/**
 * UIDs that the criteria find, ascending, each once; null: the server refuses to search. Asked in windows of sequence numbers, which are as full as can be however
 * sparse the UIDs are, from the newest down: then messages that go meanwhile only move the others into windows that are still to come. `low`: none below.
 */
export async function searchUids(
  client: ImapFlow,
  mailbox: MailboxObject,
  criteria: SearchObject,
  low = 0,
  window = windowOf,
): Promise<number[] | null> {
  const blocks: number[][] = [];
  let above = Infinity;
  for (let next = mailbox.exists, first = true; next > 0; first = false) {
    const top = Math.min(next, mailbox.exists);
    const bottom = Math.max(1, top - window + 1);
    // What came meanwhile is found, too.
    const seq = `${bottom}:${first ? '*' : top}`;
    const query = first && bottom === 1 ? criteria : { ...criteria, seq };
    const found = await client.search(query, { uid: true });
    if (!Array.isArray(found)) return null;
    const limit = above;
    const block = found.filter((uid) => uid < limit && uid >= low).sort((a, b) => a - b);
    blocks.push(block);
    // Further down there are only lower ones.
    if (low > 0 && block.length === 0) break;
    above = block[0] ?? above;
    next = bottom - 1;
  }
  return blocks.toReversed().flat();
}

/** UIDs from `low` on, ascending, as searchUids. */
export async function searchFrom(client: ImapFlow, mailbox: MailboxObject, low: number): Promise<number[] | null> {
  const uid = `${low}:*`;
  // How many there are at most is known mostly: those of a usual pass.
  if (mailbox.uidNext && mailbox.uidNext - low <= windowOf) {
    const found = await client.search({ uid }, { uid: true });
    return Array.isArray(found) ? found.sort((a, b) => a - b) : null;
  }
  return searchUids(client, mailbox, { uid }, low);
}
