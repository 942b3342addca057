import { Badge, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconMessages } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { conversationQuery } from '../../api/log.ts';
import type { LogItem } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { kindLabel } from '../../components/mail-kind.ts';
import { More } from '../../components/more.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ToneBadge } from '../../components/tone.tsx';
import { LogLine } from './log-line.tsx';
import classes from './log.module.css';

interface ConversationProps {
  /** The newest of its emails. */
  item: LogItem;
  openedId: string | undefined;
  onOpen: (id: string) => void;
}

/** Emails that answer each other, as one line that unfolds to them, the oldest first. */
export function ConversationLine({ item, openedId, onOpen }: ConversationProps) {
  const [unfolded, { toggle }] = useDisclosure(false);
  const id = useId();
  const { message, conversation, threadId } = item;
  if (!message || !conversation || !threadId) return null;
  const kind = kindLabel(message);
  return (
    <>
      <UnstyledButton
        className={classes['line']}
        onClick={toggle}
        aria-expanded={unfolded}
        aria-controls={unfolded ? id : undefined}
        data-line
      >
        <span className={classes['sign']}>
          <IconMessages size={16} aria-hidden />
        </span>
        <span className={classes['talk']}>
          <bdi className={`one-line ${classes['subject']}`}>{message.subject || '(no subject)'}</bdi>
          <Badge size="sm" variant="default" style={{ flex: 'none' }}>
            {conversation.count}
            <VisuallyHidden> emails</VisuallyHidden>
          </Badge>
        </span>
        <RelativeTime at={item.at} className={classes['time']} />
        <span className={classes['meta']}>
          <span className="one-line">{writers(conversation)}</span>
          {item.sender === 'fail' && <ToneBadge tone="bad">Sender not confirmed</ToneBadge>}
          {kind && <span className={`one-line ${classes['kind']}`}>· {kind}</span>}
        </span>
        {message.snippet && <span className={`one-line ${classes['snippet']}`}>{message.snippet}</span>}
      </UnstyledButton>
      {unfolded && (
        <div id={id} className={classes['emails']}>
          <Emails contactId={item.contactId} threadId={threadId} openedId={openedId} onOpen={onOpen} />
        </div>
      )}
    </>
  );
}

function Emails(props: { contactId: string; threadId: string } & Omit<ConversationProps, 'item'>) {
  const { contactId, threadId, openedId, onOpen } = props;
  const emails = useInfiniteQuery(conversationQuery(contactId, threadId));
  if (emails.isPending) return <LoadingRows rows={2} height={58} />;
  return (
    <>
      <Problem error={emails.error} retry={() => void emails.refetch()} />
      <ol className={classes['list']} aria-label="Emails of this conversation, oldest first">
        {emails.data?.pages
          .flatMap((page) => page.items)
          .map((email) => (
            <li key={email.id}>
              <LogLine item={email} opened={email.id === openedId} onOpen={() => onOpen(email.id)} />
            </li>
          ))}
      </ol>
      <More
        hasMore={emails.hasNextPage}
        loading={emails.isFetchingNextPage}
        failed={emails.isFetchNextPageError}
        onMore={emails.fetchNextPage}
      />
    </>
  );
}

function writers({ participants, participantCount }: NonNullable<LogItem['conversation']>): string {
  const names = participants.map(({ name, address }) => name || address).join(', ');
  const more = participantCount - participants.length;
  return more > 0 ? `${names} and ${more} more` : names;
}
