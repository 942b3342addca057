import { infiniteQueryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { TaskChanges, TaskInput, TaskQuery } from './types.ts';

export const tasksQuery = (filter: Omit<TaskQuery, 'cursor' | 'limit'>) =>
  infiniteQueryOptions({
    queryKey: ['tasks', filter],
    queryFn: ({ pageParam }) => answer(api.tasks.$get({ query: { ...filter, cursor: pageParam, limit: '100' } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });

export const createTask = (json: TaskInput) => answer(api.tasks.$post({ json }));
export const updateTask = (id: string, json: TaskChanges) => answer(api.tasks[':id'].$patch({ param: { id }, json }));
