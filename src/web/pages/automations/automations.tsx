import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconRoute } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { createMap, mapsQuery } from '../../api/maps.ts';
import type { AutomationMap } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem, fieldErrors } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import table from '../../components/table.module.css';
import { ToneBadge } from '../../components/tone.tsx';
import { newButton } from '../../shell/shortcuts.ts';
import { count } from '../../time.ts';
import { mapStates } from './map-states.ts';

export function AutomationsPage() {
  const { data: maps, error, isPending, refetch } = useQuery(mapsQuery);
  const [creating, { open, close }] = useDisclosure(false);
  return (
    <Page
      title="Automations"
      intro="What happens by itself when a contact writes."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={open} {...newButton}>
          New automation
        </Button>
      }
    >
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={4} height={56} />}
      {maps?.length === 0 && (
        <Empty
          icon={<IconRoute size={24} />}
          title="No automations yet"
          action={<Button onClick={open}>New automation</Button>}
        >
          For example: a contact sends you an email, and its owner gets a task that is due within 24 hours.
        </Empty>
      )}
      {maps && maps.length > 0 && (
        <ul className={table['cards']}>
          {maps.map((map) => (
            <Line key={map.id} map={map} />
          ))}
        </ul>
      )}
      <Modal opened={creating} onClose={close} title="New automation">
        {creating && <NewMap onClose={close} />}
      </Modal>
    </Page>
  );
}

function Line({ map }: { map: AutomationMap }) {
  const contacts = Object.values(map.counts).reduce((sum, number) => sum + number, 0);
  const { label, tone } = mapStates[map.state];
  return (
    <li>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <div style={{ minWidth: 0 }}>
          <Link to="/automations/$mapId" params={{ mapId: map.id }} className={table['open']} data-line>
            {map.name}
          </Link>
          <div className={table['dim']} style={{ fontSize: '0.8125rem' }}>
            {contacts === 0 ? 'Nobody on it' : `${count(contacts, 'contact')} on it`} · changed{' '}
            <RelativeTime at={map.updatedAt} />
          </div>
        </div>
        <ToneBadge tone={tone}>{label}</ToneBadge>
      </Group>
    </li>
  );
}

function NewMap({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({ initialValues: { name: '' } });
  const create = useMutation({
    mutationFn: ({ name }: { name: string }) => createMap(name.trim()),
    onSuccess: async (map) => {
      void client.invalidateQueries({ queryKey: mapsQuery.queryKey });
      onClose();
      await navigate({ to: '/automations/$mapId', params: { mapId: map.id } });
    },
    onError: (error) => form.setErrors(fieldErrors(error, ['name']).fields),
  });
  return (
    <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
      <Stack>
        <TextInput
          label="Name"
          description="It begins with the trigger “Sends you an email” and a task for the contact's owner."
          required
          data-autofocus
          {...form.getInputProps('name')}
        />
        <Problem error={fieldErrors(create.error, ['name']).rest} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
