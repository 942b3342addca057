import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { Contact, ContactInput, ContactQuery } from './types.ts';

export const contactsQuery = (filter: Omit<ContactQuery, 'cursor' | 'limit'>) =>
  infiniteQueryOptions({
    queryKey: ['contacts', 'list', filter],
    queryFn: ({ pageParam }) => answer(api.contacts.$get({ query: { ...filter, cursor: pageParam, limit: '50' } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const contactQuery = (id: string) =>
  queryOptions({
    queryKey: ['contacts', 'one', id],
    queryFn: () => answer(api.contacts[':id'].$get({ param: { id } })),
  });

/** A few contacts whose name or address has this text: for choosing one. */
export const findContactsQuery = (q: string) =>
  queryOptions({
    queryKey: ['contacts', 'find', q],
    queryFn: async () => (await answer(api.contacts.$get({ query: { q, limit: '12' } }))).items,
    placeholderData: keepPreviousData,
  });

export const runsQuery = (contactId: string) =>
  queryOptions({
    queryKey: ['contacts', 'runs', contactId],
    queryFn: () => answer(api.contacts[':id'].runs.$get({ param: { id: contactId } })),
  });

export const createContact = (json: ContactInput) => answer(api.contacts.$post({ json }));
export const deleteContact = (id: string) => answer(api.contacts[':id'].$delete({ param: { id } }));

/** Saves changes of a contact. The screen shows `shown` at once and goes back if the server refuses. */
export function useUpdateContact(id: string) {
  const client = useQueryClient();
  const { queryKey } = contactQuery(id);
  return useMutation({
    mutationFn: ({ input }: { input: ContactInput; shown?: Partial<Contact> }) =>
      answer(api.contacts[':id'].$patch({ param: { id }, json: input })),
    onMutate: async ({ shown }) => {
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      if (before && shown) client.setQueryData(queryKey, { ...before, ...shown });
      return { before };
    },
    onError: (_error, _input, context) => {
      if (context?.before) client.setQueryData(queryKey, context.before);
    },
    onSuccess: (contact) => {
      client.setQueryData(queryKey, contact);
      void client.invalidateQueries({ queryKey: ['contacts', 'list'] });
    },
  });
}
