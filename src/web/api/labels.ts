import { queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';

const staleTime = 60_000;

export const stagesQuery = queryOptions({ queryKey: ['stages'], queryFn: () => answer(api.stages.$get()), staleTime });
export const tagsQuery = queryOptions({ queryKey: ['tags'], queryFn: () => answer(api.tags.$get()), staleTime });
export const segmentsQuery = queryOptions({
  queryKey: ['segments'],
  queryFn: () => answer(api.segments.$get()),
  staleTime,
});

export const createTag = (name: string) => answer(api.tags.$post({ json: { name } }));
export const createSegment = (name: string) => answer(api.segments.$post({ json: { name } }));
export const createStage = (name: string) => answer(api.stages.$post({ json: { name } }));
