import { Button, Group, Modal, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { membersQuery } from '../../api/account.ts';
import { createContact } from '../../api/contacts.ts';
import { stagesQuery } from '../../api/labels.ts';
import { ProblemError } from '../../api/request.ts';
import { useMe } from '../../api/session.ts';
import { AddressesField, addressErrors } from '../../components/addresses-field.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { excludedWords } from '../contact/excluded-note.tsx';

const fields = ['firstName', 'lastName', 'company', 'addresses', 'ownerId', 'stageId'] as const;

export function AddContact({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add contact" size="lg">
      {opened && <Form onClose={onClose} />}
    </Modal>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: members = [] } = useQuery(membersQuery);
  const { data: stages = [] } = useQuery(stagesQuery);
  const form = useForm({
    initialValues: {
      firstName: '',
      lastName: '',
      company: '',
      addresses: [''],
      ownerId: me.user.id as string | null,
      stageId: null as string | null,
    },
  });
  const create = useMutation({
    mutationFn: (values: typeof form.values) =>
      createContact({ ...values, addresses: values.addresses.map((address) => address.trim()).filter(Boolean) }),
    onSuccess: async (contact) => {
      void client.invalidateQueries({ queryKey: ['contacts', 'list'] });
      onClose();
      await navigate({ to: '/contacts/$contactId', params: { contactId: contact.id } });
      say([`${contact.name} was added.`, excludedWords(contact)].filter(Boolean).join(' '));
    },
    onError: (error) => form.setErrors(fieldErrors(error, fields).fields),
  });
  const { error } = create;
  const atAddresses = error instanceof ProblemError ? addressErrors(error, create.variables?.addresses ?? []) : {};
  const blank = ({ firstName, lastName, company, addresses }: typeof form.values) =>
    ![firstName, lastName, company, ...addresses].some((text) => text.trim());

  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <TextInput label="First name" data-autofocus {...form.getInputProps('firstName')} />
          <TextInput label="Last name" {...form.getInputProps('lastName')} />
        </SimpleGrid>
        <TextInput label="Company" {...form.getInputProps('company')} />
        <AddressesField
          value={form.values.addresses}
          onChange={(addresses) => form.setFieldValue('addresses', addresses)}
          errors={atAddresses}
          autoFocusNew
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <Select
            label="Owner"
            placeholder="Nobody"
            clearable
            clearButtonProps={{ 'aria-label': 'No owner' }}
            data={members.map(({ userId, name }) => ({ value: userId, label: name }))}
            {...form.getInputProps('ownerId')}
          />
          <Select
            label="Stage"
            placeholder="None"
            clearable
            clearButtonProps={{ 'aria-label': 'No stage' }}
            data={stages.map(({ id, name }) => ({ value: id, label: name }))}
            {...form.getInputProps('stageId')}
          />
        </SimpleGrid>
        <Text size="xs" c="dimmed">
          Mail from and to these addresses that arrived since your mailboxes were connected is found and logged, too.
        </Text>
        {Object.keys(atAddresses).length > 0 ? (
          error instanceof ProblemError &&
          error.hint && (
            <Text size="xs" c="dimmed">
              {error.hint}
            </Text>
          )
        ) : (
          <Problem error={fieldErrors(error, fields).rest} />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={blank(form.values)}>
            Add contact
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
