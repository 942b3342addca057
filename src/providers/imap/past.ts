import type { PastPage } from '../provider.ts';
import { type HeadReader, mostHeads } from './heads.ts';

/**
 * Heads of these UIDs (ascending), the highest first. A position is the lowest UID of a block that has been listed whole; where a block's heads come in several
 * pages, only the last one moves it.
 */
export async function* newestFirst(
  reader: HeadReader,
  uids: readonly number[],
  position: string | null,
): AsyncGenerator<PastPage> {
  const rest = position === null ? [...uids] : uids.filter((uid) => uid < Number(position));
  let done = position;
  while (rest.length > 0) {
    let block = rest.splice(-mostHeads);
    const lowest = String(block[0]);
    while (block.length > 0) {
      const { listed, count } = await reader.read(block);
      block = block.slice(count);
      if (block.length === 0) done = lowest;
      yield { listed: listed.toReversed(), position: done, left: rest.length + block.length };
    }
  }
}
