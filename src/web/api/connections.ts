import { queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { ConnectInput, ConnectionSettings, HistoryInput, SenderCheckInput, Sharing } from './types.ts';
import { wholeList } from './whole-list.ts';

/** One's own, or all of the account (administrators). */
export type Scope = 'mine' | 'account';

export const connectionsQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ['connections', scope],
    queryFn: () => wholeList((page) => answer(api.connections.$get({ query: { ...page, scope } }))),
  });

export const connectionQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id],
    queryFn: () => answer(api.connections[':id'].$get({ param: { id } })),
  });

/** How many log items deleting or hiding it would concern. */
export const effectsQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'effects', id],
    queryFn: () => answer(api.connections[':id'].effects.$get({ param: { id } })),
    staleTime: 0,
  });

export const historyQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id, 'history'],
    queryFn: async () => (await answer(api.connections[':id'].history.$get({ param: { id } }))).items,
  });

export const checksQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id, 'checks'],
    queryFn: async () => (await answer(api.connections[':id'].checks.$get({ param: { id } }))).items,
  });

/** With what it found, by name. */
export const checkQuery = (id: string, checkId: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id, 'checks', checkId],
    queryFn: () => answer(api.connections[':id'].checks[':checkId'].$get({ param: { id, checkId } })),
  });

export const quarantineQuery = (id: string) =>
  queryOptions({
    queryKey: ['connections', 'one', id, 'quarantine'],
    queryFn: async () => (await answer(api.connections[':id'].quarantine.$get({ param: { id } }))).items,
  });

export const settleQuarantined = (id: string, sightingId: string, action: 'retry' | 'dismiss' | 'restore') =>
  answer(api.connections[':id'].quarantine[':sightingId'].$post({ param: { id, sightingId }, json: { action } }));
export const askForCheck = (id: string) => answer(api.connections[':id'].checks.$post({ param: { id } }));
export const askForHistory = (id: string, json: HistoryInput) =>
  answer(api.connections[':id'].history.$post({ param: { id }, json }));
export const changeHistory = (id: string, state: 'running' | 'paused' | 'cancelled') =>
  answer(api.connections[':id'].history.$patch({ param: { id }, json: { state } }));
export const detect = (address: string) => answer(api.connections.detect.$post({ json: { address } }));
export const connect = (json: ConnectInput) => answer(api.connections.$post({ json }));
export const chooseFolders = (id: string, folderIds: string[]) =>
  answer(api.connections[':id'].folders.$put({ param: { id }, json: { folderIds } }));
export const updateConnection = (id: string, json: { sharing?: Sharing; paused?: boolean }) =>
  answer(api.connections[':id'].$patch({ param: { id }, json }));
export const setSenderCheck = (id: string, json: SenderCheckInput) =>
  answer(api.connections[':id']['sender-check'].$put({ param: { id }, json }));
export const tryNow = async (id: string): Promise<void> => {
  await answer(api.connections[':id'].try.$post({ param: { id } }));
};
export const signInAgain = (id: string, json: { password: string; settings?: ConnectionSettings }) =>
  answer(api.connections[':id']['sign-in'].$post({ param: { id }, json }));
export const deleteConnection = (id: string, log: 'keep' | 'erase') =>
  answer(api.connections[':id'].$delete({ param: { id }, query: { log } }));
