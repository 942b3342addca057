import { Button, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { addExclusion, proposedDomainsQuery } from '../../api/exclusions.ts';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';

/** Makes colleagues of everybody at a domain. Those of connected mailboxes are proposed. */
export function OwnDomains() {
  const client = useQueryClient();
  const { data: proposed = [] } = useQuery(proposedDomainsQuery);
  const form = useForm({ initialValues: { value: '' } });
  const add = useMutation({
    mutationFn: (value: string) => addExclusion({ scope: 'account', value: value.trim(), ownDomain: true }),
    onSuccess: ({ name }) => {
      form.reset();
      say(`${name} is one of your own domains from now on.`);
      void client.invalidateQueries({ queryKey: ['exclusions'] });
      void client.invalidateQueries({ queryKey: ['contacts'] });
    },
    onError: (error) => form.setErrors(fieldErrors(error, ['value']).fields),
  });
  return (
    <Paper
      component="form"
      aria-label="Own domains"
      withBorder
      radius="md"
      p="md"
      onSubmit={form.onSubmit(({ value }) => add.mutate(value))}
    >
      <Stack gap="sm">
        <div>
          <Title order={2}>Your own domains</Title>
          <Text size="sm" c="dimmed">
            Everybody at your own domains counts as a colleague: they never match a contact. Mail among colleagues alone
            isn’t logged; mail between a colleague and a contact elsewhere is, for that contact.
          </Text>
        </div>
        {proposed.length > 0 && (
          <Group gap="xs" role="group" aria-label="Proposed: domains of your connected mailboxes and sign-ins">
            {proposed.slice(0, 8).map((domain) => (
              <Button
                key={domain}
                variant="default"
                leftSection={<IconPlus size={14} aria-hidden />}
                loading={add.isPending && add.variables === domain}
                onClick={() => add.mutate(domain)}
              >
                {domain} is ours
              </Button>
            ))}
          </Group>
        )}
        <Group align="flex-start" gap="xs">
          <TextInput
            style={{ flex: '1 1 240px' }}
            aria-label="Own domain"
            placeholder="your-company.com"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={320}
            {...form.getInputProps('value')}
          />
          <Button
            type="submit"
            size="sm"
            variant="default"
            loading={add.isPending && add.variables === form.values.value}
            disabled={form.values.value.trim() === ''}
          >
            Add own domain
          </Button>
        </Group>
        <Problem error={fieldErrors(add.error, ['value']).rest} />
      </Stack>
    </Paper>
  );
}
