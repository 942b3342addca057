import { Alert, Button, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { addExclusion } from '../../api/exclusions.ts';
import { ProblemError } from '../../api/request.ts';
import type { AddedExclusion, ExclusionScope } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { count } from '../../time.ts';

/** Takes an address or a domain; asks again where everybody can have an address at the domain. */
export function AddExclusion({ scope }: { scope: ExclusionScope }) {
  const client = useQueryClient();
  const [added, setAdded] = useState<AddedExclusion | null>(null);
  const [asked, setAsked] = useState<{ value: string; error: ProblemError } | null>(null);
  const form = useForm({ initialValues: { value: '' } });
  const done = (exclusion: AddedExclusion) => {
    form.reset();
    setAdded(exclusion.loggedEmails > 0 ? exclusion : null);
    say(`${exclusion.name} is excluded from now on.`);
    void client.invalidateQueries({ queryKey: ['exclusions'] });
    void client.invalidateQueries({ queryKey: ['contacts'] });
  };
  const add = useMutation({
    mutationFn: ({ value }: { value: string }) => addExclusion({ scope, value: value.trim() }),
    onSuccess: done,
    onError: (error, { value }) => {
      if (error instanceof ProblemError && error.code === 'public_mail_domain') setAsked({ value, error });
      else form.setErrors(fieldErrors(error, ['value']).fields);
    },
  });
  return (
    <Paper
      component="form"
      aria-label="Exclude"
      withBorder
      radius="md"
      p="md"
      onSubmit={form.onSubmit((values) => add.mutate(values))}
    >
      <Stack gap="sm">
        <Title order={2}>Exclude an address or a domain</Title>
        <Group align="flex-start" gap="xs">
          <TextInput
            style={{ flex: '1 1 240px' }}
            aria-label="Address or domain"
            placeholder="ben@example.com or example.com"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            inputMode="email"
            maxLength={320}
            {...form.getInputProps('value')}
          />
          <Button type="submit" size="sm" loading={add.isPending} disabled={form.values.value.trim() === ''}>
            Exclude
          </Button>
        </Group>
        {!asked && <Problem error={fieldErrors(add.error, ['value']).rest} />}
        {added && <AlreadyLogged exclusion={added} onClose={() => setAdded(null)} />}
      </Stack>
      <Confirm
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={`Exclude all of ${asked?.value.trim()}?`}
        action="Exclude them all"
        onConfirm={async () => done(await addExclusion({ scope, value: asked!.value.trim(), evenIfPublic: true }))}
      >
        <Text size="sm">
          {asked?.error.message} Rather exclude single addresses, unless you want no mail with any of them.
        </Text>
      </Confirm>
    </Paper>
  );
}

function AlreadyLogged({ exclusion, onClose }: { exclusion: AddedExclusion; onClose: () => void }) {
  const { name, loggedEmails } = exclusion;
  return (
    <Alert
      variant="light"
      color="ink"
      withCloseButton
      closeButtonLabel="Dismiss"
      onClose={onClose}
      title={`${count(loggedEmails, 'email')} with ${name} ${loggedEmails === 1 ? 'stays' : 'stay'} in the log`}
    >
      <Text size="sm">
        An exclusion holds for mail that is yet to come. To erase what is there, delete the contact:{' '}
        <Link to="/contacts" search={{ q: name }}>
          show the contacts with {name}
        </Link>
        .
      </Text>
    </Alert>
  );
}
