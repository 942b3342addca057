import { UnstyledButton } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { Suspense, lazy, useState } from 'react';
import type { ReactNode } from 'react';
import { answerNotice, outagesQuery } from '../api/outages.ts';
import { useMe } from '../api/session.ts';
import type { Outage } from '../api/types.ts';
import { sayProblem } from '../components/toast.tsx';
import type { Tone } from '../components/tone.tsx';
import { leavesSomething, recovered } from '../pages/email-sync/outage-result.tsx';
import { count, dateAndTime } from '../time.ts';
import classes from './shell.module.css';

const OutageDialog = lazy(async () => ({
  default: (await import('../pages/email-sync/outage-dialog.tsx')).OutageDialog,
}));

/** So many colleagues' mailboxes are named each; more are told in one line. */
const mostNamed = 2;

/**
 * Tells on every screen of mailboxes that can't be read (spec S4): the owner of one by a pop-up that leads through it, and by a banner while that is put off or an email is read; administrators
 * by a notice of each colleague's.
 */
export function Trouble() {
  const me = useMe();
  const client = useQueryClient();
  const { data } = useQuery({ ...outagesQuery, enabled: me.account.plan !== 'basic' });
  const [opened, setOpened] = useState<string | null>(null);
  const reading = useRouterState({ select: ({ location }) => 'item' in location.search && !!location.search.item });
  const answer = useMutation({
    mutationFn: async ({ outages, notice }: { outages: Outage[]; notice: 'later' | 'dismissed' }) => {
      for (const { id } of outages) await answerNotice(id, notice);
    },
    onError: (error) => sayProblem(error),
    onSettled: () => client.invalidateQueries({ queryKey: outagesQuery.queryKey }),
  });
  /** What one sees changes at once, else the pop-up would be raised again until the server has answered. */
  const answerTo = (outages: Outage[], notice: 'later' | 'dismissed') => {
    void client.cancelQueries({ queryKey: outagesQuery.queryKey });
    client.setQueryData(outagesQuery.queryKey, (all) =>
      all?.map((one) => (outages.some(({ id }) => id === one.id) ? { ...one, notice } : one)),
    );
    answer.mutate({ outages, notice });
  };
  if (!data) return null;
  const own = data.filter(({ connection }) => connection.owner?.id === me.user.id);
  const others = data.filter((outage) => !own.includes(outage));
  // Not over an email that is open: two dialogs would contend for the keyboard.
  const raised = reading ? undefined : own.find(({ phase, notice }) => phase === 'out' && notice === 'raised');
  const shown = own.find(({ id }) => id === opened) ?? raised;
  if (shown && shown.id !== opened) setOpened(shown.id);
  const close = (outage: Outage) => {
    if (outage.phase === 'out') answerTo([outage], 'later');
    if (outage.phase === 'over') answerTo([outage], 'dismissed');
    setOpened(null);
  };
  return (
    <>
      <section aria-label="Mailboxes that need you" hidden={data.length === 0}>
        {own.map((outage) => (
          <Own
            key={outage.id}
            outage={outage}
            onOpen={() => setOpened(outage.id)}
            onDismiss={() => answerTo([outage], 'dismissed')}
          />
        ))}
        {(others.length > mostNamed ? [others] : others.map((outage) => [outage])).map((outages) => (
          <Others key={outages[0]!.id} outages={outages} onDismiss={() => answerTo(outages, 'dismissed')} />
        ))}
      </section>
      {shown && (
        <Suspense>
          <OutageDialog key={shown.id} outage={shown} onClose={() => close(shown)} />
        </Suspense>
      )}
    </>
  );
}

function Banner({ tone, children, actions }: { tone: Tone; children: ReactNode; actions: ReactNode }) {
  return (
    <div className={classes['banner']} data-tone={tone}>
      <span className="tabular">{children}</span>
      <span className={classes['actions']}>{actions}</span>
    </div>
  );
}

function Own({ outage, onOpen, onDismiss }: { outage: Outage; onOpen: () => void; onDismiss: () => void }) {
  const { phase, needsSignIn, connection, beganAt, read } = outage;
  const since = dateAndTime(beganAt, useMe().zone);
  const address = <strong>{connection.address}</strong>;
  const open = (label: string) => <Action onClick={onOpen}>{label}</Action>;
  if (phase === 'out')
    return (
      <Banner tone="bad" actions={open(needsSignIn ? 'Sign in again' : 'What can be done')}>
        {address} has not been synced since {since}: {outage.message}
      </Banner>
    );
  if (phase === 'over')
    return (
      <Banner
        tone={leavesSomething(outage) ? 'warn' : 'good'}
        actions={
          <>
            {open('Details')}
            <Action onClick={onDismiss}>Dismiss</Action>
          </>
        }
      >
        {address} is up to date again: {recovered(outage)}.
      </Banner>
    );
  return (
    <Banner tone="info" actions={open('Show')}>
      {address} {phase === 'catching_up' ? 'is catching up' : 'has caught up and is being checked'}:{' '}
      {count(read, 'message')} read{phase === 'catching_up' && ' so far'}.
    </Banner>
  );
}

function Others({ outages, onDismiss }: { outages: Outage[]; onDismiss: () => void }) {
  const [{ connection, message, beganAt, needsSignIn }] = outages as [Outage];
  const since = dateAndTime(beganAt, useMe().zone);
  const dismiss = <Action onClick={onDismiss}>Dismiss</Action>;
  if (outages.length > 1)
    return (
      <Banner
        tone="warn"
        actions={
          <>
            <Link to="/administration/email/email-sync">Show them</Link>
            {dismiss}
          </>
        }
      >
        {count(outages.length, 'mailbox', 'mailboxes')} of colleagues can’t be synced, the first since {since}. Their
        owners are told in the app.
      </Banner>
    );
  const name = connection.owner?.name ?? 'its owner';
  return (
    <Banner
      tone="warn"
      actions={
        <>
          <Link to="/administration/email/email-sync/$connectionId" params={{ connectionId: connection.id }}>
            Pause or delete
          </Link>
          {dismiss}
        </>
      }
    >
      <strong>{connection.address}</strong> of {name} has not been synced since {since}: {message}{' '}
      {needsSignIn ? `Ask ${name} to sign in again.` : 'It is tried again by itself.'}
    </Banner>
  );
}

function Action({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <UnstyledButton className={classes['action']} onClick={onClick}>
      {children}
    </UnstyledButton>
  );
}
