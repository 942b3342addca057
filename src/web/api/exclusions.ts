import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { ExclusionInput, ExclusionScope } from './types.ts';

export const exclusionsQuery = (scope: ExclusionScope) =>
  infiniteQueryOptions({
    queryKey: ['exclusions', scope],
    queryFn: ({ pageParam }) => answer(api.exclusions.$get({ query: { scope, cursor: pageParam, limit: '100' } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

export const proposedDomainsQuery = queryOptions({
  queryKey: ['exclusions', 'proposed-domains'],
  queryFn: () => answer(api.exclusions['proposed-domains'].$get()),
});

export const addExclusion = (json: ExclusionInput) => answer(api.exclusions.$post({ json }));
export const removeExclusion = (id: string) => answer(api.exclusions[':id'].$delete({ param: { id } }));
export const restoreExclusion = (id: string) => answer(api.exclusions[':id'].restore.$post({ param: { id } }));
