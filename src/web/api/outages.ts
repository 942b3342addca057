import { queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { Outage } from './types.ts';

/** It is being caught up or checked: its numbers grow. */
const underWay = ({ phase }: Outage) => phase === 'catching_up' || phase === 'checking';

/** What one is to be told of mailboxes: own ones, and for administrators colleagues'. */
export const outagesQuery = queryOptions({
  queryKey: ['connections', 'outages'],
  queryFn: async () => (await answer(api.outages.$get())).items,
  refetchInterval: ({ state }) => (state.data?.some(underWay) ? 1000 : 60_000),
});

export const outagesOfQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id, 'outages'],
    queryFn: async () => (await answer(api.connections[':id'].outages.$get({ param: { id } }))).items,
    refetchInterval: ({ state }) => (state.data?.some(underWay) ? 2000 : false),
  });

export const answerNotice = async (id: string, notice: 'later' | 'dismissed'): Promise<void> => {
  await answer(api.outages[':id'].notice.$put({ param: { id }, json: { notice } }));
};
