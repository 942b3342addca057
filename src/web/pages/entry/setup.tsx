import { Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { queryClient } from '../../api/query-client.ts';
import { setUp, setupQuery } from '../../api/session.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { ZoneSelect } from '../../components/zone-select.tsx';
import { browserZone } from '../../time.ts';
import { Entry } from './entry.tsx';
import { passwordProblem } from './password.ts';

const fields = ['accountName', 'name', 'email', 'password', 'zone'] as const;

export function SetupPage() {
  const { token } = useSearch({ from: '/setup' });
  const { data, error, isPending, refetch } = useQuery(setupQuery(token));

  if (isPending) {
    return (
      <Entry title="Set up Letterlog">
        <LoadingRows rows={4} />
      </Entry>
    );
  }
  if (error) {
    return (
      <Entry title="Set up Letterlog">
        <Problem error={error} retry={() => void refetch()} />
      </Entry>
    );
  }
  if (!data.needed) {
    return (
      <Entry title="Letterlog is set up already" intro="The link for setting it up works only once.">
        <Anchor component={Link} to="/sign-in">
          Sign in
        </Anchor>
      </Entry>
    );
  }
  if (!token || !data.valid) {
    return (
      <Entry title="This link isn't the right one" intro="Setting up takes the link with the one-time token.">
        <p>
          Letterlog prints the link in the console each time it starts, until an account exists. Copy all of it, up to
          the end of the token.
        </p>
      </Entry>
    );
  }
  return <SetupForm token={token} />;
}

function SetupForm({ token }: { token: string }) {
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { accountName: '', name: '', email: '', password: '', zone: browserZone() },
    validate: { password: passwordProblem },
  });
  const make = useMutation({
    mutationFn: async (values: typeof form.values) => {
      await setUp({ token, ...values, email: values.email.trim() });
      queryClient.clear();
    },
    onSuccess: () => navigate({ to: '/contacts' }),
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  return (
    <Entry title="Set up Letterlog" intro="This makes the account and you its owner. Colleagues are invited later.">
      <form onSubmit={form.onSubmit((values) => make.mutate(values))}>
        <Stack>
          <TextInput
            label="Account name"
            description="Your company or team"
            required
            autoFocus
            {...form.getInputProps('accountName')}
          />
          <TextInput label="Your name" autoComplete="name" required {...form.getInputProps('name')} />
          <TextInput
            label="Your email address"
            description="You sign in with it"
            type="email"
            autoComplete="username"
            required
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label="Password"
            description="At least 12 characters; a few words are best"
            autoComplete="new-password"
            required
            visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
            {...form.getInputProps('password')}
          />
          <ZoneSelect {...form.getInputProps('zone')} allowDeselect={false} description="For due dates and times" />
          <Problem error={fieldErrors(make.error, fields).rest} />
          <Button type="submit" size="sm" loading={make.isPending}>
            Make the account
          </Button>
        </Stack>
      </form>
    </Entry>
  );
}
