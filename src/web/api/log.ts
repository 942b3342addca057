import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { LogPage } from './types.ts';

const pageSize = '40';

const askLog = (id: string, cursor?: string) =>
  answer(api.contacts[':id'].log.$get({ param: { id }, query: { cursor, limit: pageSize } }));

export const logQuery = (contactId: string) =>
  infiniteQueryOptions({
    queryKey: ['log', contactId, 'items'],
    queryFn: ({ pageParam }) => askLog(contactId, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

/** The log by conversation: of each the newest email. */
export const conversationsQuery = (contactId: string) =>
  infiniteQueryOptions({
    queryKey: ['log', contactId, 'conversations'],
    queryFn: ({ pageParam }) =>
      answer(
        api.contacts[':id'].log.$get({
          param: { id: contactId },
          query: { cursor: pageParam, limit: pageSize, view: 'conversations' },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

/** One conversation's emails, the oldest first. */
export const conversationQuery = (contactId: string, threadId: string) =>
  infiniteQueryOptions({
    queryKey: ['log', contactId, 'conversation', threadId],
    queryFn: ({ pageParam }) =>
      answer(
        api.contacts[':id'].log.$get({
          param: { id: contactId },
          query: { cursor: pageParam, limit: pageSize, threadId },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

export const logItemQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-item', id],
    queryFn: () => answer(api.log[':id'].$get({ param: { id } })),
    staleTime: 60_000,
  });

export const itemWhyQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-item', id, 'why'],
    queryFn: () => answer(api.log[':id'].why.$get({ param: { id } })),
  });

export const whyQuery = (messageId: string) =>
  queryOptions({
    queryKey: ['why', messageId],
    queryFn: () => answer(api.why.$get({ query: { messageId } })),
    retry: false,
  });

/** Where an attachment's bytes are. `inline` only answers raster images. */
export function attachmentUrl(itemId: string, part: string, inline = false): string {
  return `/api/v1/log/${itemId}/attachments/${encodeURIComponent(part)}${inline ? '?inline=1' : ''}`;
}

/**
 * Brings the newest page of a log up to date without asking again for all that was scrolled through. When the new page
 * doesn't reach what is shown, everything is asked for again, so that no item in between is missing.
 */
export async function refreshLogHead(client: QueryClient, contactId: string): Promise<void> {
  void client.invalidateQueries({ queryKey: conversationsQuery(contactId).queryKey });
  void client.invalidateQueries({ queryKey: ['log', contactId, 'conversation'] });
  const { queryKey } = logQuery(contactId);
  const shown = client.getQueryData<InfiniteData<LogPage, string | undefined>>(queryKey);
  if (!shown) return;
  if (shown.pages.length < 2) return await client.invalidateQueries({ queryKey });
  const newest = await askLog(contactId);
  const fresh = new Set(newest.items.map(({ id }) => id));
  const rest = shown.pages.map((page) => ({ ...page, items: page.items.filter(({ id }) => !fresh.has(id)) }));
  const overlaps = rest.some((page, index) => page.items.length < (shown.pages[index]?.items.length ?? 0));
  if (!overlaps) return await client.invalidateQueries({ queryKey });
  const [first, ...others] = rest;
  if (!first) return;
  client.setQueryData(queryKey, {
    ...shown,
    pages: [{ ...first, items: [...newest.items, ...first.items] }, ...others],
  });
}
