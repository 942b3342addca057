import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { membersQuery } from '../api/account.ts';
import { findContactsQuery } from '../api/contacts.ts';
import { useMe } from '../api/session.ts';
import { createTask } from '../api/tasks.ts';
import type { Named } from '../api/types.ts';
import { instantOf, wallTime } from '../time.ts';
import { Problem, fieldErrors } from './problem.tsx';
import { say } from './toast.tsx';

const fields = ['contactId', 'subject', 'dueAt', 'assigneeId'] as const;

export function AddTask(props: { opened: boolean; onClose: () => void; contact?: Named }) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.contact ? `Task for ${props.contact.name}` : 'Add task'}
    >
      {props.opened && <Form contact={props.contact} onClose={props.onClose} />}
    </Modal>
  );
}

function Form({ contact, onClose }: { contact?: Named; onClose: () => void }) {
  const me = useMe();
  const client = useQueryClient();
  const { data: members = [] } = useQuery(membersQuery);
  const form = useForm({
    initialValues: {
      contactId: contact?.id ?? '',
      subject: '',
      dueAt: wallTime(new Date(Date.now() + 86_400_000).toISOString(), me.zone),
      assigneeId: me.user.id as string | null,
    },
    validate: { contactId: (id) => (id ? null : 'Choose the contact that it is about.') },
  });
  const create = useMutation({
    mutationFn: ({ contactId, subject, dueAt, assigneeId }: typeof form.values) =>
      createTask({
        contactId,
        subject: subject.trim(),
        dueAt: dueAt ? instantOf(dueAt, me.zone) : undefined,
        assigneeId: assigneeId ?? undefined,
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['tasks'] });
      onClose();
      say('The task was added.');
    },
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <TextInput
          label="What is to be done"
          required
          maxLength={500}
          data-autofocus
          {...form.getInputProps('subject')}
        />
        {!contact && <ContactSelect {...form.getInputProps('contactId')} />}
        <TextInput
          label="Due"
          description={`Time in ${me.zone}`}
          type="datetime-local"
          {...form.getInputProps('dueAt')}
        />
        <Select
          label="For"
          placeholder="Nobody"
          clearable
          clearButtonProps={{ 'aria-label': 'For nobody' }}
          data={members.map(({ userId, name }) => ({ value: userId, label: name }))}
          {...form.getInputProps('assigneeId')}
        />
        <Problem error={fieldErrors(create.error, fields).rest} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Add task
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function ContactSelect(props: { value?: string; onChange?: (id: string | null) => void; error?: string }) {
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, 200);
  const { data: contacts = [] } = useQuery(findContactsQuery(asked));
  return (
    <Select
      label="Contact"
      placeholder="Type a name or an address"
      required
      searchable
      searchValue={typed}
      onSearchChange={setTyped}
      // The server has searched; addresses are not in the label.
      filter={({ options }) => options}
      nothingFoundMessage="No contact fits"
      data={contacts.map(({ id, name }) => ({ value: id, label: name }))}
      {...props}
    />
  );
}
