import { Button, Group, SegmentedControl, Text } from '@mantine/core';
import { IconMailbox, IconMailPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { connectionsQuery } from '../../api/connections.ts';
import { conversationsQuery, logQuery } from '../../api/log.ts';
import { useMe } from '../../api/session.ts';
import type { Contact } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { ConversationLine } from './conversation-line.tsx';
import { LogLine } from './log-line.tsx';
import classes from './log.module.css';

export type LogView = 'items' | 'conversations';

interface LogProps {
  contact: Contact;
  view: LogView;
  onView: (view: LogView) => void;
  openedId: string | undefined;
  onOpen: (id: string) => void;
}

/** Everything that happened with a contact, the newest first; what happens meanwhile comes in by itself (live.ts). */
export function ContactLog({ contact, view, onView, openedId, onOpen }: LogProps) {
  const byItem = useInfiniteQuery({ ...logQuery(contact.id), enabled: view === 'items' });
  const byConversation = useInfiniteQuery({ ...conversationsQuery(contact.id), enabled: view === 'conversations' });
  const log = view === 'items' ? byItem : byConversation;
  const items = log.data?.pages.flatMap((page) => page.items) ?? [];
  // What was there when the log was opened doesn't slide in; what comes on top of it does.
  const newestAtFirst = useRef<string | null>(null);
  if (log.data && newestAtFirst.current === null) newestAtFirst.current = items[0]?.at ?? '';

  return (
    <>
      <Group justify="flex-end" mb={4}>
        <SegmentedControl
          size="xs"
          value={view}
          onChange={(value) => onView(value === 'conversations' ? value : 'items')}
          data={[
            { value: 'items', label: 'By item' },
            { value: 'conversations', label: 'By conversation' },
          ]}
          aria-label="Read the log"
        />
      </Group>
      {log.isPending && <LoadingRows rows={7} height={58} />}
      <Problem error={log.error} retry={() => void log.refetch()} />
      {log.isSuccess && items.length === 0 && <NothingYet contact={contact} />}
      <ol className={classes['list']} aria-label="Contact Log, newest first">
        {items.map((item) => (
          <li
            key={(view === 'conversations' && item.threadId) || item.id}
            className={item.at > (newestAtFirst.current ?? '') ? classes['fresh'] : undefined}
          >
            {item.conversation && item.conversation.count > 1 ? (
              <ConversationLine item={item} openedId={openedId} onOpen={onOpen} />
            ) : (
              <LogLine item={item} opened={item.id === openedId} onOpen={() => onOpen(item.id)} />
            )}
          </li>
        ))}
      </ol>
      <More
        hasMore={log.hasNextPage}
        loading={log.isFetchingNextPage}
        failed={log.isFetchNextPageError}
        onMore={log.fetchNextPage}
      />
    </>
  );
}

function NothingYet({ contact }: { contact: Contact }) {
  const { account } = useMe();
  const { data: mine } = useQuery({ ...connectionsQuery('mine'), enabled: account.plan !== 'basic' });
  if (contact.addresses.length === 0) {
    return (
      <Empty icon={<IconMailPlus size={24} />} title="No email address">
        Give this contact an email address in the details. Mail from and to it that came since your mailboxes were
        connected then appears here.
      </Empty>
    );
  }
  if (mine && mine.length > 0) {
    return (
      <Empty icon={<IconMailbox size={24} />} title="Nothing yet">
        <Group gap={6} justify="center">
          <Text size="sm" c="dimmed">
            Email from and to {contact.name} appears here seconds after it arrives in a connected mailbox. Missing one?{' '}
            <Link to="/administration/email/why">Ask why.</Link>
          </Text>
        </Group>
      </Empty>
    );
  }
  return (
    <Empty
      icon={<IconMailbox size={24} />}
      title="Connect your mailbox"
      action={
        <Button component={Link} to="/profile/email-sync/new">
          Connect a mailbox
        </Button>
      }
    >
      Every email you exchange with {contact.name} then appears here by itself, seconds after it arrives. Only mail with
      your contacts is stored.
    </Empty>
  );
}
