import { UnstyledButton, VisuallyHidden } from '@mantine/core';
import {
  IconArrowDownLeft,
  IconArrowsLeftRight,
  IconArrowUpRight,
  IconChecklist,
  IconMail,
  IconNote,
  IconPaperclip,
  IconStairs,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Direction, LogItem, Mailbox } from '../../api/types.ts';
import { kindLabel } from '../../components/mail-kind.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ToneBadge } from '../../components/tone.tsx';
import classes from './log.module.css';

export const directionLabels: Record<Direction, string> = { received: 'Received', sent: 'Sent', copied: 'Copied' };

const directionIcons = { received: IconArrowDownLeft, sent: IconArrowUpRight, copied: IconArrowsLeftRight };

export function LogLine({ item, opened, onOpen }: { item: LogItem; opened: boolean; onOpen: () => void }) {
  if (item.kind === 'email_sync' && item.message) return <EmailLine item={item} opened={opened} onOpen={onOpen} />;
  const { sign, text } = eventOf(item);
  return (
    <div className={classes['line']}>
      <span className={classes['sign']}>{sign}</span>
      <span style={{ paddingTop: 4 }}>{text}</span>
      <RelativeTime at={item.at} className={classes['time']} />
    </div>
  );
}

function EmailLine({ item, opened, onOpen }: { item: LogItem; opened: boolean; onOpen: () => void }) {
  const { message, direction } = item;
  if (!message) return null;
  const kind = kindLabel(message);
  const Icon = direction ? directionIcons[direction] : IconMail;
  return (
    <UnstyledButton className={classes['line']} onClick={onOpen} data-line aria-current={opened || undefined}>
      <span className={classes['sign']} data-direction={direction}>
        <Icon size={16} aria-hidden />
      </span>
      <bdi className={`one-line ${classes['subject']}`}>{message.subject || '(no subject)'}</bdi>
      <RelativeTime at={item.at} className={classes['time']} />
      <span className={classes['meta']}>
        {direction && (
          <span className={classes['direction']} data-direction={direction}>
            {directionLabels[direction]}
          </span>
        )}
        {item.mailboxes.length > 0 && <span className="one-line">{throughMailboxes(direction, item.mailboxes)}</span>}
        {message.hasAttachments && (
          <span className={classes['clip']}>
            <IconPaperclip size={13} aria-hidden />
            {message.attachmentCount}
            <VisuallyHidden>{message.attachmentCount === 1 ? 'attachment' : 'attachments'}</VisuallyHidden>
          </span>
        )}
        {item.sender === 'fail' && (
          <ToneBadge tone="bad" title={`The sender could not be confirmed as ${message.from?.address ?? 'anybody'}`}>
            Sender not confirmed
          </ToneBadge>
        )}
        {kind && <span className={`one-line ${classes['kind']}`}>· {kind}</span>}
        {item.class && item.class !== 'live' && <span style={{ flex: 'none' }}>· {classLabels[item.class]}</span>}
      </span>
      {message.snippet && <span className={`one-line ${classes['snippet']}`}>{message.snippet}</span>}
    </UnstyledButton>
  );
}

/** Why mail is here that didn't arrive in the ordinary way; such mail starts no automation. */
export const classLabels: Record<string, string> = {
  history: 'from the history',
  late_contact: 'found later',
  late_folder: 'folder added later',
  migrated: 'moved from another mailbox',
};

function throughMailboxes(direction: Direction | null, mailboxes: Mailbox[]): string {
  const names = mailboxes.map(({ address }) => address).join(', ');
  return direction === 'sent' ? `from ${names}` : direction === 'received' ? `in ${names}` : `seen in ${names}`;
}

function eventOf(item: LogItem): { sign: ReactNode; text: ReactNode } {
  const by = item.actor ? ` by ${item.actor.name}` : '';
  if (item.kind === 'task') {
    const done = item.task?.state === 'complete';
    return {
      sign: <IconChecklist size={16} aria-hidden />,
      text: (
        <>
          Task <strong style={{ fontWeight: 550 }}>{item.task?.subject ?? '(deleted)'}</strong> created{by}
          {item.task?.email && (
            <>
              {' '}
              for{' '}
              <Link
                to="/contacts/$contactId"
                params={{ contactId: item.contactId }}
                search={(before) => ({ ...before, item: item.task?.email?.itemId })}
                title="Open the email"
              >
                <bdi className={`one-line ${classes['email']}`}>{item.task.email.subject || '(no subject)'}</bdi>
              </Link>
            </>
          )}
          {done ? ', done since' : ''}
        </>
      ),
    };
  }
  if (item.kind === 'stage_change') {
    const { from, to } = item.stageChange ?? { from: null, to: null };
    return {
      sign: <IconStairs size={16} aria-hidden />,
      text: (
        <>
          Stage changed from <strong style={{ fontWeight: 550 }}>{from ?? 'none'}</strong> to{' '}
          <strong style={{ fontWeight: 550 }}>{to ?? 'none'}</strong>
          {by}
        </>
      ),
    };
  }
  return { sign: <IconNote size={16} aria-hidden />, text: `Note${by}` };
}
