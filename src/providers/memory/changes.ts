import { z } from 'zod';
import { type Listed, type Page, ProviderError } from '../provider.ts';
import type { MemoryFolder, MemoryMessage } from './server.ts';

const shape = z.object({
  v: z.literal(1),
  epoch: z.number(),
  /** How many entries of the folder's log have been listed. */
  position: z.number(),
  next: z.number(),
  hidden: z.array(z.number()),
});

export type Cursor = z.infer<typeof shape>;

export const writeCursor = (cursor: Cursor): string => JSON.stringify(cursor);

/** Throws ProviderError 'protocol' when it is no cursor of this provider. */
export function readCursor(text: string): Cursor {
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw new ProviderError('protocol', 'This cursor was not made by this provider.', { cause });
  }
}

const day = 86_400_000;

/** The pages since a cursor. The folder is looked up for each, since it may be gone by then. */
export function* changes(
  folderNow: () => MemoryFolder,
  cursorOf: (folder: MemoryFolder) => Cursor,
  listedOf: (folder: MemoryFolder, message: MemoryMessage) => Listed,
  options: { cursor: Cursor; since: Date; pageSize: number },
): Generator<Page> {
  let { cursor } = options;
  const bound = options.since.getTime() - day;
  for (;;) {
    const folder = folderNow();
    const page: Page = { listed: [], vanished: [], cursor: '' };
    if (folder.epoch !== cursor.epoch) {
      page.reset = { folder: folder.ref, epoch: String(folder.epoch), backwards: folder.epoch < cursor.epoch };
      cursor = { ...cursorOf(folder), position: 0 };
    } else if (cursor.position >= folder.log.length) return;
    let { position } = cursor;
    while (position < folder.log.length && page.listed.length < options.pageSize) {
      const entry = folder.log[position] as MemoryFolder['log'][number];
      position += 1;
      const message = folder.messages.get(entry.uid);
      const tooOld = entry.again && message?.receivedAt != null && message.receivedAt.getTime() < bound;
      if (entry.kind === 'appeared' && message && !tooOld) page.listed.push(listedOf(folder, message));
      if (entry.kind === 'vanished')
        page.vanished.push({ folder: folder.ref, epoch: String(folder.epoch), ref: String(entry.uid) });
    }
    cursor = { ...cursorOf(folder), position };
    page.cursor = writeCursor(cursor);
    yield page;
  }
}
