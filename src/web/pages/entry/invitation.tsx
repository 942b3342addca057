import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { queryClient } from '../../api/query-client.ts';
import { acceptInvitation, invitationQuery, meQuery } from '../../api/session.ts';
import type { OpenInvitation } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { Entry } from './entry.tsx';
import { passwordProblem } from './password.ts';

export function InvitationPage() {
  const { token: invitationId } = useParams({ from: '/invitation/$token' });
  const invitation = useQuery(invitationQuery(invitationId));
  const me = useQuery({ ...meQuery, retry: false });

  if (invitation.isPending || me.isPending) {
    return (
      <Entry title="Invitation">
        <LoadingRows rows={3} />
      </Entry>
    );
  }
  if (invitation.error) {
    return (
      <Entry title="This invitation can't be used">
        <Stack>
          <Problem error={invitation.error} />
          <Text size="sm">
            If you have accepted it already,{' '}
            <Anchor component={Link} to="/sign-in" size="sm">
              sign in
            </Anchor>
            .
          </Text>
        </Stack>
      </Entry>
    );
  }
  const { email } = invitation.data;
  const signedIn = me.data?.user.email.toLowerCase() === email.toLowerCase();
  if (invitation.data.hasSignIn && !signedIn) {
    return (
      <Entry title={title(invitation.data)} intro={`You were invited as ${email}, which has a sign-in here already.`}>
        <Button
          component="a"
          href={`/sign-in?next=${encodeURIComponent(`/invitation/${invitationId}`)}`}
          size="sm"
          fullWidth
        >
          Sign in to accept
        </Button>
      </Entry>
    );
  }
  return signedIn ? (
    <Join id={invitationId} invitation={invitation.data} />
  ) : (
    <NewUser id={invitationId} invitation={invitation.data} signedInAs={me.data?.user.email} />
  );
}

interface Props {
  id: string;
  invitation: OpenInvitation;
}

const title = ({ accountName }: OpenInvitation) => `Join ${accountName}`;

function Join({ id, invitation }: Props) {
  const navigate = useNavigate();
  const join = useMutation({
    mutationFn: () => acceptInvitation(id, {}),
    onSuccess: async () => {
      queryClient.clear();
      await navigate({ to: '/contacts' });
    },
  });
  return (
    <Entry title={title(invitation)} intro={`You are signed in as ${invitation.email} and will be ${invitation.role}.`}>
      <Stack>
        <Problem error={join.error} />
        <Button size="sm" loading={join.isPending} onClick={() => join.mutate()}>
          Accept the invitation
        </Button>
      </Stack>
    </Entry>
  );
}

function NewUser({ id, invitation, signedInAs }: Props & { signedInAs?: string }) {
  const navigate = useNavigate();
  const form = useForm({ initialValues: { name: '', password: '' }, validate: { password: passwordProblem } });
  const accept = useMutation({
    mutationFn: async (values: { name: string; password: string }) => {
      await acceptInvitation(id, values);
      queryClient.clear();
    },
    onSuccess: () => navigate({ to: '/contacts' }),
    onError: (error) => form.setErrors(fieldErrors(error, ['name', 'password']).fields),
  });
  return (
    <Entry title={title(invitation)} intro={`You were invited as ${invitation.email} (${invitation.role}).`}>
      <form onSubmit={form.onSubmit((values) => accept.mutate(values))}>
        <Stack>
          {signedInAs && (
            <Alert color="yellow" variant="light">
              You are signed in as {signedInAs}. Accepting signs you in as {invitation.email} instead.
            </Alert>
          )}
          <TextInput label="Email address" value={invitation.email} readOnly autoComplete="username" />
          <TextInput label="Your name" autoComplete="name" required autoFocus {...form.getInputProps('name')} />
          <PasswordInput
            label="Password"
            description="At least 12 characters; a few words are best"
            autoComplete="new-password"
            required
            visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
            {...form.getInputProps('password')}
          />
          <Problem error={fieldErrors(accept.error, ['name', 'password']).rest} />
          <Button type="submit" size="sm" loading={accept.isPending}>
            Join
          </Button>
        </Stack>
      </form>
    </Entry>
  );
}
