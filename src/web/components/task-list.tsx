import { Checkbox, Title } from '@mantine/core';
import { IconMail } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useMe } from '../api/session.ts';
import { updateTask } from '../api/tasks.ts';
import type { Task } from '../api/types.ts';
import { dayNumber } from '../time.ts';
import { RelativeTime, useNow } from './relative-time.tsx';
import classes from './task-list.module.css';
import { say, sayProblem } from './toast.tsx';

interface Props {
  tasks: Task[];
  /** On a contact's own screen its name would only repeat. */
  withoutContact?: boolean;
  /** More are to come: the groups' numbers would be wrong. */
  partial?: boolean;
}

/** Tasks by when they are due, in the viewer's days. */
export function TaskGroups({ tasks, withoutContact, partial }: Props) {
  const { zone } = useMe();
  const now = useNow();
  const today = dayNumber(new Date(now).toISOString(), zone);
  const groupOf = ({ state, dueAt }: Task) => {
    if (state !== 'pending') return 'Done';
    if (dueAt === null) return 'Without a date';
    if (Date.parse(dueAt) < now) return 'Overdue';
    return dayNumber(dueAt, zone) <= today ? 'Today' : 'Later';
  };
  return ['Overdue', 'Today', 'Later', 'Without a date', 'Done'].map((group) => {
    const members = tasks.filter((task) => groupOf(task) === group);
    if (members.length === 0) return null;
    return (
      <section key={group} aria-label={group}>
        <Title order={2} className={`${classes['group']} ${group === 'Overdue' ? classes['overdue'] : ''}`}>
          {partial ? group : `${group} (${members.length})`}
        </Title>
        <ul className={classes['list']}>
          {members.map((task) => (
            <TaskLine key={task.id} task={task} withoutContact={withoutContact} overdue={group === 'Overdue'} />
          ))}
        </ul>
      </section>
    );
  });
}

function TaskLine({ task, withoutContact, overdue }: { task: Task; withoutContact?: boolean; overdue: boolean }) {
  const client = useQueryClient();
  // Ticked at once; the list follows when the server has answered.
  const [asked, setAsked] = useState<boolean | null>(null);
  const done = asked ?? task.state === 'complete';

  const set = async (complete: boolean, undoable: boolean) => {
    setAsked(complete);
    try {
      await updateTask(task.id, { state: complete ? 'complete' : 'pending' });
      if (undoable) {
        say(
          complete ? `“${task.subject}” is done.` : `“${task.subject}” is open again.`,
          () => void set(!complete, false),
        );
      }
    } catch (error) {
      sayProblem(error, "The task couldn't be changed");
    } finally {
      await client.invalidateQueries({ queryKey: ['tasks'] });
      setAsked(null);
    }
  };
  return (
    <li className={done ? classes['done'] : undefined}>
      <Checkbox
        checked={done}
        disabled={task.state === 'cancelled'}
        onChange={(event) => void set(event.currentTarget.checked, true)}
        aria-label={`Done: ${task.subject}`}
      />
      <div style={{ minWidth: 0 }}>
        <div className={classes['subject']}>{task.subject}</div>
        {task.email && (
          <Link
            to="/contacts/$contactId"
            params={{ contactId: task.contact.id }}
            search={{ item: task.email.itemId, ...(withoutContact && { tab: 'tasks' }) }}
            className={classes['email']}
            title="Open the email"
          >
            <IconMail size={14} aria-hidden />
            <bdi className="one-line">{task.email.subject || '(no subject)'}</bdi>
          </Link>
        )}
        <div className={classes['meta']}>
          {!withoutContact && (
            <Link to="/contacts/$contactId" params={{ contactId: task.contact.id }} data-line>
              {task.contact.name}
            </Link>
          )}
          <span>{task.assignee?.name ?? 'Nobody'}</span>
          {task.map && (
            <span>
              by{' '}
              <Link to="/automations/$mapId" params={{ mapId: task.map.id }}>
                {task.map.name}
              </Link>
            </span>
          )}
        </div>
      </div>
      <span className={`${classes['due']} ${overdue ? classes['overdue'] : ''}`}>
        {task.state === 'complete' && task.completedAt ? (
          <>
            done <RelativeTime at={task.completedAt} />
          </>
        ) : task.dueAt ? (
          <RelativeTime at={task.dueAt} />
        ) : null}
      </span>
    </li>
  );
}
