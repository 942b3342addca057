import { queryOptions } from '@tanstack/react-query';
import { answer, api } from './request.ts';
import type { AccountChanges, Role } from './types.ts';

export const accountQuery = queryOptions({ queryKey: ['account'], queryFn: () => answer(api.account.$get()) });
export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: () => answer(api.members.$get()),
  staleTime: 60_000,
});
export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: () => answer(api.invitations.$get()),
});
export const apiKeysQuery = queryOptions({ queryKey: ['api-keys'], queryFn: () => answer(api['api-keys'].$get()) });

export const updateAccount = (json: AccountChanges) => answer(api.account.$patch({ json }));
export const updateMember = (userId: string, role: Role) =>
  answer(api.members[':userId'].$patch({ param: { userId }, json: { role } }));
export const removeMember = (userId: string) => answer(api.members[':userId'].$delete({ param: { userId } }));
export const invite = (email: string, role: Role) => answer(api.invitations.$post({ json: { email, role } }));
export const withdrawInvitation = (id: string) => answer(api.invitations[':id'].$delete({ param: { id } }));
export const createApiKey = (name: string) => answer(api['api-keys'].$post({ json: { name } }));
export const revokeApiKey = (id: string) => answer(api['api-keys'][':id'].$delete({ param: { id } }));
