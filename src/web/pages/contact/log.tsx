import { Button, Group, Text } from '@mantine/core';
import { IconMailbox, IconMailPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { connectionsQuery } from '../../api/connections.ts';
import { logQuery } from '../../api/log.ts';
import { useMe } from '../../api/session.ts';
import type { Contact } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { LogLine } from './log-line.tsx';
import classes from './log.module.css';

/** Everything that happened with a contact, the newest first; what happens meanwhile comes in by itself (live.ts). */
export function ContactLog(props: { contact: Contact; openedId: string | undefined; onOpen: (id: string) => void }) {
  const { contact, openedId, onOpen } = props;
  const log = useInfiniteQuery(logQuery(contact.id));
  const items = log.data?.pages.flatMap((page) => page.items) ?? [];
  // What was there when the log was opened doesn't slide in; what comes on top of it does.
  const newestAtFirst = useRef<string | null>(null);
  if (log.data && newestAtFirst.current === null) newestAtFirst.current = items[0]?.at ?? '';

  if (log.isPending) return <LoadingRows rows={7} height={58} />;
  return (
    <>
      <Problem error={log.error} retry={() => void log.refetch()} />
      {log.isSuccess && items.length === 0 && <NothingYet contact={contact} />}
      <ol className={classes['list']} aria-label="Contact Log, newest first">
        {items.map((item) => (
          <li key={item.id} className={item.at > (newestAtFirst.current ?? '') ? classes['fresh'] : undefined}>
            <LogLine item={item} opened={item.id === openedId} onOpen={() => onOpen(item.id)} />
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
