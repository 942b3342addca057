import { Alert, Button, Drawer, SegmentedControl, Text } from '@mantine/core';
import { IconDownload, IconPaperclip } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy, useState } from 'react';
import { attachmentUrl, itemWhyQuery, logItemQuery } from '../../api/log.ts';
import { isNowhere } from '../../api/request.ts';
import { useMe } from '../../api/session.ts';
import type { MailAddress, Message, OpenedLogItem } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { kindLabel } from '../../components/mail-kind.ts';
import { Problem } from '../../components/problem.tsx';
import { usePhone } from '../../components/use-phone.ts';
import { ToneBadge } from '../../components/tone.tsx';
import { WhyAnswer } from '../../components/why-answer.tsx';
import { dateAndTime, exactTime, fileSize } from '../../time.ts';
import classes from './item.module.css';
import { classLabels, directionLabels } from './log-line.tsx';
import { SenderWarning, SenderWords } from './sender.tsx';
import { TextBody } from './text-body.tsx';

const HtmlBody = lazy(() => import('./html-body.tsx'));

/** The whole of a log item, beside the log; on a phone over all of the screen. */
export function LogItemDrawer({ itemId, onClose }: { itemId: string | undefined; onClose: () => void }) {
  const phone = usePhone();
  return (
    <Drawer
      opened={itemId !== undefined}
      onClose={onClose}
      position="right"
      size={phone ? '100%' : 'min(820px, 78vw)'}
      title="Email"
      overlayProps={{ backgroundOpacity: 0.2 }}
      transitionProps={{ duration: 140 }}
      styles={{
        content: { display: 'flex', flexDirection: 'column' },
        body: { flex: 1, display: 'flex', flexDirection: 'column', minHeight: 0, padding: 0 },
      }}
    >
      {itemId && <Item key={itemId} id={itemId} />}
    </Drawer>
  );
}

function Item({ id }: { id: string }) {
  const { data: item, error, isPending, refetch } = useQuery(logItemQuery(id));
  return (
    <div className={classes['body']}>
      {isPending && <LoadingRows rows={6} height={30} />}
      {isNowhere(error) ? (
        <Text c="dimmed">There is no such email here. It may have been deleted, or is not shared with you.</Text>
      ) : (
        <Problem error={error} retry={() => void refetch()} />
      )}
      {item?.message && <Opened item={item} message={item.message} />}
      {item && !item.message && <Text c="dimmed">This line of the log is no email.</Text>}
    </div>
  );
}

const directionTones = { received: 'good', sent: 'info', copied: 'warn' } as const;

type View = 'html' | 'text' | 'headers' | 'why';

function Opened({ item, message }: { item: OpenedLogItem; message: Message }) {
  const [view, setView] = useState<View>(message.html ? 'html' : 'text');
  const choices: { value: View; label: string }[] = [
    ...(message.html ? [{ value: 'html' as const, label: 'HTML' }] : []),
    { value: 'text', label: 'Text' },
    { value: 'headers', label: 'Headers' },
    { value: 'why', label: 'Why is this here?' },
  ];
  return (
    <>
      <People item={item} message={message} />
      <SenderWarning item={item} from={message.from} />
      <Attachments itemId={item.id} message={message} />
      {message.defects.length > 0 && (
        <Alert color="yellow" variant="light" mt="sm" py="xs" title="Parts of this email couldn't be read">
          {message.defects.join(' ')}
        </Alert>
      )}
      <div className={classes['bar']}>
        <SegmentedControl
          size="xs"
          aria-label="What to show"
          data={choices}
          value={view}
          onChange={(value) => setView(value as View)}
        />
      </div>
      {view === 'html' && (
        <Suspense fallback={<LoadingRows rows={4} height={30} />}>
          <HtmlBody itemId={item.id} message={message} />
        </Suspense>
      )}
      {view === 'text' &&
        (message.text ? (
          <TextBody text={message.text} />
        ) : (
          <Text size="sm" c="dimmed">
            This email has no plain text.
          </Text>
        ))}
      {view === 'headers' && <Headers message={message} />}
      {view === 'why' && <WhyHere id={item.id} />}
    </>
  );
}

function People({ item, message }: { item: OpenedLogItem; message: Message }) {
  const { zone } = useMe();
  const at = message.sentAt ?? item.at;
  const kind = kindLabel(message);
  const rows: [string, MailAddress[]][] = [
    ['From', message.from ? [message.from] : []],
    ['To', message.to],
    ['Cc', message.cc],
    ['Bcc', message.bcc],
    ['Reply to', message.replyTo.filter(({ address }) => address !== message.from?.address)],
  ];
  return (
    <div>
      <div className={classes['subject']} title={message.subject}>
        <bdi>{message.subject || '(no subject)'}</bdi>
      </div>
      <dl className={classes['people']}>
        {rows
          .filter(([, people]) => people.length > 0)
          .map(([label, people]) => (
            <PeopleRow key={label} label={label} people={people} />
          ))}
        {item.direction !== 'sent' && item.sender !== 'fail' && (
          <>
            <dt>Sender</dt>
            <dd>
              <SenderWords item={item} />
            </dd>
          </>
        )}
        <dt>Date</dt>
        <dd>
          <time dateTime={at} title={exactTime(at, zone)}>
            {dateAndTime(at, zone)}
          </time>
        </dd>
        <dt>Mailbox</dt>
        <dd>
          {item.direction && (
            <>
              <ToneBadge tone={directionTones[item.direction]}>{directionLabels[item.direction]}</ToneBadge>{' '}
            </>
          )}
          {item.mailboxes.length > 0
            ? item.mailboxes.map(({ address, owner }) => (owner ? `${address} (${owner.name})` : address)).join(', ')
            : 'a mailbox that is not shared with you, or was deleted'}
          {item.class && classLabels[item.class] && ` · ${classLabels[item.class]}`}
        </dd>
        {kind && (
          <>
            <dt>Kind</dt>
            <dd style={{ overflowWrap: 'anywhere' }}>{kind}</dd>
          </>
        )}
      </dl>
    </div>
  );
}

/** Long lists of receivers are cut until somebody wants them all. */
function PeopleRow({ label, people }: { label: string; people: MailAddress[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? people : people.slice(0, 6);
  return (
    <>
      <dt>{label}</dt>
      <dd>
        {shown.map(({ name, address }) => (name ? `${name} <${address}>` : address)).join(', ')}
        {shown.length < people.length && (
          <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
            and {(people.length - shown.length).toLocaleString('en')} more
          </Button>
        )}
      </dd>
    </>
  );
}

function Attachments({ itemId, message }: { itemId: string; message: Message }) {
  const files = message.attachments.filter(({ inline, contentId }) => !(inline && contentId && message.html));
  if (files.length === 0) return null;
  return (
    <ul className={classes['attachments']} aria-label="Attachments">
      {files.map(({ part, filename, size }) => (
        <li key={part}>
          <a href={attachmentUrl(itemId, part)} download={filename || 'attachment'} title={`Download ${filename}`}>
            <IconPaperclip size={14} aria-hidden />
            <bdi className="one-line">{filename || 'attachment'}</bdi>
            <Text span size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              {fileSize(size)}
            </Text>
            <IconDownload size={14} aria-hidden />
          </a>
        </li>
      ))}
    </ul>
  );
}

function Headers({ message }: { message: Message }) {
  return (
    <div style={{ overflow: 'auto' }}>
      <table className={classes['headers']}>
        <caption hidden>Headers of the email</caption>
        <tbody>
          {message.headers.map(([name, value], index) => (
            <tr key={index}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function WhyHere({ id }: { id: string }) {
  const { data, error, isPending, refetch } = useQuery(itemWhyQuery(id));
  if (isPending) return <LoadingRows rows={3} />;
  if (error) return <Problem error={error} retry={() => void refetch()} />;
  return <WhyAnswer why={data} />;
}
