/** All pages of a list that is known to be short; cut at 5000. */
export async function wholeList<T>(
  ask: (query: { cursor?: string; limit: string }) => Promise<{ items: T[]; nextCursor: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask({ cursor, limit: '200' });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && items.length < 5000);
  return items;
}
