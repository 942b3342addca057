import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { queryClient } from '../../api/query-client.ts';
import { setupQuery, signIn } from '../../api/session.ts';
import { Problem } from '../../components/problem.tsx';
import { Entry } from './entry.tsx';

export function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const router = useRouter();
  const setup = useQuery(setupQuery(undefined));
  const form = useForm({ initialValues: { email: '', password: '' } });
  const enter = useMutation({
    mutationFn: async ({ email, password }: { email: string; password: string }) => {
      await signIn(email.trim(), password);
      queryClient.clear();
    },
    onSuccess: async () => {
      // Only a way inside this app, whatever the address bar said.
      if (next?.startsWith('/') && !next.startsWith('//')) router.history.push(next);
      else await navigate({ to: '/contacts' });
    },
  });

  if (setup.data?.needed) {
    return (
      <Entry title="Letterlog isn't set up yet" intro="No account exists on this installation.">
        <p>
          Open the link that Letterlog printed in the console when it started. It ends in <code>/setup?token=…</code>{' '}
          and lets you make the account.
        </p>
      </Entry>
    );
  }
  return (
    <Entry title="Sign in" intro="Your contacts and their letters are waiting.">
      <form onSubmit={form.onSubmit((values) => enter.mutate(values))}>
        <Stack>
          <TextInput
            label="Email address"
            type="email"
            autoComplete="username"
            required
            withAsterisk={false}
            autoFocus
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
            {...form.getInputProps('password')}
          />
          <Problem error={enter.error} />
          <Button type="submit" size="sm" loading={enter.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
    </Entry>
  );
}
