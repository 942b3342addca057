import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { Graph } from './types.ts';
import { wholeList } from './whole-list.ts';

export const mapsQuery = queryOptions({
  queryKey: ['maps', 'list'],
  queryFn: () => wholeList((page) => answer(api.maps.$get({ query: page }))),
});

export const mapQuery = (id: string) =>
  queryOptions({ queryKey: ['maps', 'one', id], queryFn: () => answer(api.maps[':id'].$get({ param: { id } })) });

export const firingsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['maps', 'firings', id],
    queryFn: ({ pageParam }) =>
      answer(api.maps[':id'].firings.$get({ param: { id }, query: { cursor: pageParam, limit: '50' } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

export const createMap = (name: string) => answer(api.maps.$post({ json: { name } }));
export const updateMap = (id: string, json: { name?: string; graph?: Graph }) =>
  answer(api.maps[':id'].$patch({ param: { id }, json }));
export const deleteMap = (id: string) => answer(api.maps[':id'].$delete({ param: { id } }));
export const publishMap = (id: string) => answer(api.maps[':id'].publish.$post({ param: { id } }));
export const pauseMap = (id: string) => answer(api.maps[':id'].pause.$post({ param: { id } }));
export const resumeMap = (id: string) => answer(api.maps[':id'].resume.$post({ param: { id } }));
