import { Button, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChecklist, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { tasksQuery } from '../../api/tasks.ts';
import type { Contact } from '../../api/types.ts';
import { AddTask } from '../../components/add-task.tsx';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { TaskGroups } from '../../components/task-list.tsx';
import { newButton } from '../../shell/shortcuts.ts';

export function ContactTasks({ contact }: { contact: Contact }) {
  const list = useInfiniteQuery(tasksQuery({ contactId: contact.id }));
  const tasks = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const [adding, { open, close }] = useDisclosure(false);
  return (
    <>
      {tasks.length > 0 && (
        <Group justify="flex-end" mb="xs">
          <Button variant="default" leftSection={<IconPlus size={16} />} onClick={open} {...newButton}>
            Add task
          </Button>
        </Group>
      )}
      <Problem error={list.error} retry={() => void list.refetch()} />
      {list.isPending && <LoadingRows rows={3} height={48} />}
      {list.isSuccess && tasks.length === 0 && (
        <Empty icon={<IconChecklist size={24} />} title="No tasks" action={<Button onClick={open}>Add task</Button>}>
          Tasks are added here, or by an automation when {contact.name} writes.
        </Empty>
      )}
      <TaskGroups tasks={tasks} withoutContact partial={list.hasNextPage} />
      <More
        hasMore={list.hasNextPage}
        loading={list.isFetchingNextPage}
        failed={list.isFetchNextPageError}
        onMore={list.fetchNextPage}
      />
      <AddTask opened={adding} onClose={close} contact={contact} />
    </>
  );
}
