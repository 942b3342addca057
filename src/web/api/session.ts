import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';
import { answer, api, askSignIn } from './request.ts';
import type { Me } from './types.ts';

export const meQuery = queryOptions({ queryKey: ['me'], queryFn: () => answer(api.me.$get()), staleTime: 60_000 });

/** Who is signed in. Only below the shell, which waits for the answer. */
export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

export const mayAdminister = (me: Me) => me.role !== 'member';

export const signIn = (email: string, password: string) => askSignIn('/sign-in/email', { email, password });
export const signOut = () => askSignIn('/sign-out', {});
export const changePassword = (currentPassword: string, newPassword: string) =>
  askSignIn('/change-password', { currentPassword, newPassword, revokeOtherSessions: true });
export const updateMe = (json: { name?: string; zone?: string | null }) => answer(api.me.$patch({ json }));
export const enterAccount = (accountId: string) => answer(api.me.account.$put({ json: { accountId } }));

/** Whether the installation still has to be set up, and whether the token of the link is the right one. */
export const setupQuery = (token: string | undefined) =>
  queryOptions({
    queryKey: ['setup', token ?? null],
    queryFn: () => answer(api.setup.$get({ query: { token } })),
    retry: false,
    staleTime: 0,
  });

export const setUp = (json: {
  token: string;
  accountName: string;
  name: string;
  email: string;
  password: string;
  zone: string;
}) => answer(api.setup.$post({ json }));

export const invitationQuery = (token: string) =>
  queryOptions({
    queryKey: ['invitation', token],
    queryFn: () => answer(api.invitations['by-token'][':token'].$get({ param: { token } })),
    retry: false,
  });

/** As the signed-in user of the invited address, or with name and password as a new one, who is signed in then. */
export const acceptInvitation = (token: string, json: { name?: string; password?: string }) =>
  answer(api.invitations['by-token'][':token'].accept.$post({ param: { token }, json }));
