import { Button, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconMailCog } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { changePassword, meQuery, updateMe, useMe } from '../../api/session.ts';
import { Page } from '../../components/page.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { ZoneSelect } from '../../components/zone-select.tsx';
import { passwordProblem } from '../entry/password.ts';

export function ProfilePage() {
  return (
    <Page title="Personal profile" narrow>
      <Stack>
        <Profile />
        <Paper component="section" aria-label="Integrations" withBorder radius="md" p="md">
          <Group justify="space-between">
            <div>
              <Title order={2}>Integrations</Title>
              <Text size="sm" c="dimmed">
                Connect your mailboxes, and choose what is synced and who sees it.
              </Text>
            </div>
            <Button component={Link} to="/profile/email-sync" variant="default" leftSection={<IconMailCog size={16} />}>
              Email Sync
            </Button>
          </Group>
        </Paper>
        <Password />
      </Stack>
    </Page>
  );
}

function Profile() {
  const { user, account } = useMe();
  const client = useQueryClient();
  const form = useForm({ initialValues: { name: user.name, zone: user.zone } });
  const fields = ['name', 'zone'] as const;
  const save = useMutation({
    mutationFn: updateMe,
    onSuccess: (me) => {
      client.setQueryData(meQuery.queryKey, me);
      form.resetDirty();
      say('Your profile was saved.');
    },
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  return (
    <Paper component="form" withBorder radius="md" p="md" onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        <Title order={2}>You</Title>
        <TextInput label="Name" required {...form.getInputProps('name')} />
        <TextInput label="Email address" description="You sign in with it" value={user.email} readOnly />
        <ZoneSelect
          description="All times are shown in it"
          placeholder={`The account's: ${account.zone}`}
          clearable
          clearButtonProps={{ 'aria-label': "The account's zone" }}
          {...form.getInputProps('zone')}
        />
        <Problem error={fieldErrors(save.error, fields).rest} />
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
            Save
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

function Password() {
  const form = useForm({
    initialValues: { currentPassword: '', newPassword: '' },
    validate: { newPassword: passwordProblem },
  });
  const fields = ['currentPassword', 'newPassword'] as const;
  const save = useMutation({
    mutationFn: (values: typeof form.values) => changePassword(values.currentPassword, values.newPassword),
    onSuccess: () => {
      form.reset();
      say('Your password was changed. Other sessions have ended.');
    },
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  const visibility = { visibilityToggleButtonProps: { 'aria-label': 'Show or hide the password' } };
  return (
    <Paper component="form" withBorder radius="md" p="md" onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        <Title order={2}>Password</Title>
        <Text size="sm" c="dimmed">
          Changing it ends your other sessions; your API keys stay valid until you revoke them.
        </Text>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          required
          {...visibility}
          {...form.getInputProps('currentPassword')}
        />
        <PasswordInput
          label="New password"
          description="At least 12 characters; a few words are best"
          autoComplete="new-password"
          required
          {...visibility}
          {...form.getInputProps('newPassword')}
        />
        <Problem error={fieldErrors(save.error, fields).rest} />
        <Group justify="flex-end">
          <Button type="submit" variant="default" loading={save.isPending}>
            Change the password
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
