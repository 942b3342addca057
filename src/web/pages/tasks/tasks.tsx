import { Button, Group, SegmentedControl } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChecklist, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { tasksQuery } from '../../api/tasks.ts';
import { AddTask } from '../../components/add-task.tsx';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { TaskGroups } from '../../components/task-list.tsx';
import { newButton } from '../../shell/shortcuts.ts';

export function TasksPage() {
  const { whose = 'mine', state = 'open' } = useSearch({ from: '/shell/tasks' });
  const navigate = useNavigate({ from: '/tasks' });
  const list = useInfiniteQuery(
    tasksQuery({
      state: state === 'done' ? 'complete' : 'pending',
      assigneeId: whose === 'mine' ? 'me' : undefined,
    }),
  );
  const tasks = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const [adding, { open, close }] = useDisclosure(false);
  return (
    <Page
      title="Tasks"
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={open} {...newButton}>
          Add task
        </Button>
      }
    >
      <Group mb="md" gap="xs">
        <SegmentedControl
          size="xs"
          aria-label="Whose tasks"
          value={whose}
          onChange={(value) =>
            void navigate({
              search: (before) => ({ ...before, whose: value === 'mine' ? undefined : value }),
              replace: true,
            })
          }
          data={[
            { value: 'mine', label: 'Mine' },
            { value: 'all', label: "Everybody's" },
          ]}
        />
        <SegmentedControl
          size="xs"
          aria-label="Open or done"
          value={state}
          onChange={(value) =>
            void navigate({
              search: (before) => ({ ...before, state: value === 'open' ? undefined : value }),
              replace: true,
            })
          }
          data={[
            { value: 'open', label: 'Open' },
            { value: 'done', label: 'Done' },
          ]}
        />
      </Group>
      <Problem error={list.error} retry={() => void list.refetch()} />
      {list.isPending && <LoadingRows rows={6} height={52} />}
      {list.isSuccess && tasks.length === 0 && (
        <Empty
          icon={<IconChecklist size={24} />}
          title={state === 'done' ? 'Nothing done yet' : whose === 'mine' ? 'Nothing to do for you' : 'Nothing to do'}
          action={state === 'done' ? undefined : <Button onClick={open}>Add task</Button>}
        >
          An automation can add a task for a contact's owner whenever that contact writes.
        </Empty>
      )}
      <TaskGroups tasks={tasks} partial={list.hasNextPage} />
      <More
        hasMore={list.hasNextPage}
        loading={list.isFetchingNextPage}
        failed={list.isFetchNextPageError}
        onMore={list.fetchNextPage}
      />
      <AddTask opened={adding} onClose={close} />
    </Page>
  );
}
