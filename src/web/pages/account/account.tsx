import { Button, Group, Paper, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { accountQuery, membersQuery, updateAccount } from '../../api/account.ts';
import { mayAdminister, meQuery, useMe } from '../../api/session.ts';
import type { Account, Plan } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { ToneBadge } from '../../components/tone.tsx';
import { ZoneSelect } from '../../components/zone-select.tsx';

const planNames: Record<Plan, string> = { basic: 'Basic', plus: 'Plus', pro: 'Pro', enterprise: 'Enterprise' };
const fields = ['name', 'zone', 'fallbackUserId'] as const;

export function AccountPage() {
  const me = useMe();
  const { data: account, error, isPending, refetch } = useQuery(accountQuery);
  return (
    <Page title="Account" crumbs={[mayAdminister(me) ? 'Administration' : 'Account']} narrow>
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={4} />}
      {account && (
        <Stack>
          <General account={account} />
          <PlanCard account={account} />
        </Stack>
      )}
    </Page>
  );
}

/** What others show of the account is asked for again. */
function useSaved() {
  const client = useQueryClient();
  return (account: Account) => {
    client.setQueryData(accountQuery.queryKey, account);
    void client.invalidateQueries({ queryKey: meQuery.queryKey });
    void client.invalidateQueries({ queryKey: ['connections'] });
  };
}

function General({ account }: { account: Account }) {
  const me = useMe();
  const admin = mayAdminister(me);
  const saved = useSaved();
  const { data: members = [] } = useQuery(membersQuery);
  const form = useForm({
    initialValues: { name: account.name, zone: account.zone, fallbackUserId: account.fallbackUserId },
  });
  const save = useMutation({
    mutationFn: updateAccount,
    onSuccess: (next) => {
      saved(next);
      form.resetDirty();
      say('The account was saved.');
    },
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  return (
    <Paper component="form" withBorder radius="md" p="md" onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        <Title order={2}>General</Title>
        <TextInput label="Name" required readOnly={!admin} {...form.getInputProps('name')} />
        <ZoneSelect
          description="Of due dates, unless a user has an own zone"
          allowDeselect={false}
          disabled={!admin}
          {...form.getInputProps('zone')}
        />
        <Select
          label="Fallback user"
          description="Gets the tasks of contacts without an owner"
          placeholder="Nobody"
          clearable
          disabled={!admin}
          clearButtonProps={{ 'aria-label': 'No fallback user' }}
          data={members.map(({ userId, name }) => ({ value: userId, label: name }))}
          {...form.getInputProps('fallbackUserId')}
        />
        <Problem error={fieldErrors(save.error, fields).rest} />
        {admin ? (
          <Group justify="flex-end">
            <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
              Save
            </Button>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            Administrators can change this.
          </Text>
        )}
      </Stack>
    </Paper>
  );
}

function PlanCard({ account }: { account: Account }) {
  const me = useMe();
  const saved = useSaved();
  const [wanted, setWanted] = useState<Plan | null>(null);
  const has = (plan: Plan) => plan !== 'basic';
  const loses = wanted !== null && has(account.plan) && !has(wanted);
  const owner = me.role === 'owner';
  return (
    <Paper component="section" aria-label="Plan" withBorder radius="md" p="md">
      <Stack gap="sm">
        <Group gap="xs">
          <Title order={2}>Plan</Title>
          <ToneBadge tone="info">{planNames[account.plan]}</ToneBadge>
        </Group>
        <Text size="sm">
          {has(account.plan)
            ? 'Email Sync is included: mailboxes can be connected, and emails appear in Contact Logs.'
            : 'Email Sync is not included. With Plus and above mailboxes can be connected, and those connected earlier go on.'}
        </Text>
        {owner ? (
          <Select
            label="Change the plan"
            maw={240}
            allowDeselect={false}
            data={Object.entries(planNames).map(([value, label]) => ({ value, label }))}
            value={account.plan}
            onChange={(plan) => plan !== account.plan && setWanted(plan as Plan)}
          />
        ) : (
          <Text size="sm" c="dimmed">
            Only an owner of the account can change the plan.
          </Text>
        )}
      </Stack>
      <Confirm
        opened={wanted !== null}
        onClose={() => setWanted(null)}
        danger={loses}
        title={`Change the plan to ${wanted ? planNames[wanted] : ''}?`}
        action="Change the plan"
        onConfirm={async () => {
          if (!wanted) return;
          saved(await updateAccount({ plan: wanted }));
          say(`The plan is ${planNames[wanted]} now.`);
        }}
      >
        <Text size="sm">
          {loses
            ? 'Basic has no Email Sync: all mailboxes pause. Nothing is deleted, and after an upgrade syncing goes on where it stopped.'
            : wanted && !has(account.plan) && has(wanted)
              ? 'Email Sync begins to work at once, and mailboxes that the plan had paused go on.'
              : 'Nothing changes for the mailboxes.'}
        </Text>
      </Confirm>
    </Paper>
  );
}
