import { ActionIcon, Button, Menu, Text, TextInput, Title, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDots, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash, IconUpload } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { deleteMap, mapQuery, mapsQuery, pauseMap, publishMap, resumeMap, updateMap } from '../../api/maps.ts';
import type { AutomationMap } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { fieldMessage } from '../../components/problem.tsx';
import { say, sayProblem } from '../../components/toast.tsx';
import { count } from '../../time.ts';
import { publishedWords } from './published-words.ts';

/** Publishing, pausing and deleting. Publishing saves the draft first. */
export function MapActions(props: {
  map: AutomationMap;
  flush: () => Promise<void>;
  unpublished: boolean;
  onRefused: (error: unknown) => void;
}) {
  const { map, flush, onRefused } = props;
  const client = useQueryClient();
  const navigate = useNavigate();
  const [deleting, { open, close }] = useDisclosure(false);
  const saved = (next: AutomationMap) => {
    client.setQueryData(mapQuery(map.id).queryKey, next);
    void client.invalidateQueries({ queryKey: mapsQuery.queryKey });
  };
  const publish = useMutation({
    mutationFn: async () => {
      await flush();
      return await publishMap(map.id);
    },
    onSuccess: (next) => {
      onRefused(null);
      saved(next);
      say(publishedWords(next.publishedGraph ?? next.graph));
    },
    onError: onRefused,
  });
  const turn = useMutation({
    mutationFn: () => (map.state === 'paused' ? resumeMap(map.id) : pauseMap(map.id)),
    onSuccess: (next) => {
      saved(next);
      say(
        next.state === 'paused'
          ? 'Paused: nothing fires, and contacts stay where they are.'
          : 'Resumed: contacts go on from where they were.',
      );
    },
    onError: (error) => sayProblem(error),
  });
  const contacts = Object.values(map.counts).reduce((sum, number) => sum + number, 0);
  return (
    <>
      {map.state === 'published' && (
        <Button
          variant="default"
          leftSection={<IconPlayerPause size={16} />}
          loading={turn.isPending}
          onClick={() => turn.mutate()}
        >
          Pause
        </Button>
      )}
      {map.state === 'paused' && (
        <Button
          variant="default"
          leftSection={<IconPlayerPlay size={16} />}
          loading={turn.isPending}
          onClick={() => turn.mutate()}
        >
          Resume
        </Button>
      )}
      {(map.state === 'draft' || props.unpublished) && (
        <Button leftSection={<IconUpload size={16} />} loading={publish.isPending} onClick={() => publish.mutate()}>
          {map.version === null ? 'Publish' : 'Publish changes'}
        </Button>
      )}
      <Menu>
        <Menu.Target>
          <ActionIcon size={30} variant="default" aria-label="More actions">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={open}>
            Delete automation
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={deleting}
        onClose={close}
        title={`Delete “${map.name}”?`}
        action="Delete automation"
        onConfirm={async () => {
          await deleteMap(map.id);
          await navigate({ to: '/automations' });
          client.removeQueries({ queryKey: mapQuery(map.id).queryKey });
          void client.invalidateQueries({ queryKey: mapsQuery.queryKey });
          say(`“${map.name}” was deleted.`);
        }}
      >
        <Text size="sm">
          {contacts === 0 ? 'No contact is on it now.' : `${count(contacts, 'contact')} on it stop where they are.`}{' '}
          What it has done so far stays: tasks, tags, segments and stages.
        </Text>
      </Confirm>
    </>
  );
}

/** The name as heading; a click on the pencil edits it. */
export function MapName({ map }: { map: AutomationMap }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const save = async () => {
    const name = typed?.trim() ?? '';
    if (name === '' || name === map.name) return setTyped(null);
    try {
      client.setQueryData(mapQuery(map.id).queryKey, await updateMap(map.id, { name }));
      void client.invalidateQueries({ queryKey: mapsQuery.queryKey });
      setTyped(null);
      setError(null);
    } catch (problem) {
      setError(fieldMessage(problem));
    }
  };
  if (typed === null) {
    return (
      <div style={{ display: 'flex', alignItems: 'center', gap: 6, minWidth: 0 }}>
        <Title order={1} className="one-line">
          {map.name}
        </Title>
        <Tooltip label="Rename">
          <ActionIcon aria-label="Rename" onClick={() => setTyped(map.name)}>
            <IconPencil size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
    );
  }
  return (
    <TextInput
      aria-label="Name of the automation"
      maw={420}
      // oxlint-disable-next-line jsx-a11y/no-autofocus -- somebody just pressed Rename
      autoFocus
      value={typed}
      error={error}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key === 'Escape') setTyped(null);
      }}
    />
  );
}
