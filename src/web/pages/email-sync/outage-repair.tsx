import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { connectionQuery, signInAgain, tryNow } from '../../api/connections.ts';
import { useMe } from '../../api/session.ts';
import type { Outage } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { dateAndTime } from '../../time.ts';
import { MailboxForm } from './mailbox-form.tsx';

/** What is wrong with a mailbox that is out, since when, and what its owner can do about it here. */
export function OutageRepair({ outage, onLater }: { outage: Outage; onLater: () => void }) {
  const { zone } = useMe();
  const since = dateAndTime(outage.beganAt, zone);
  return (
    <>
      <Stack gap={6}>
        {outage.needsSignIn ? (
          <Text size="sm">
            Since {since} the server refuses the password that Letterlog has for this mailbox; most often it was
            changed. So nothing is synced now.
          </Text>
        ) : (
          <Text size="sm">
            {outage.message} It has not been readable since {since}.
          </Text>
        )}
        <Text size="sm" c="dimmed">
          Nothing is lost, however long it takes: what comes meanwhile is caught up afterwards, in order, and checked.
        </Text>
      </Stack>
      {outage.needsSignIn ? (
        <SignIn outage={outage} onCancel={onLater} cancel="Later" />
      ) : (
        <Unreadable outage={outage} onLater={onLater} />
      )}
    </>
  );
}

function Unreadable({ outage, onLater }: { outage: Outage; onLater: () => void }) {
  const [editing, setEditing] = useState(false);
  const { id } = outage.connection;
  // When it was asked: a later next try means that it was tried since.
  const [asked, setAsked] = useState<{ nextTryAt: string | null } | null>(null);
  const attempt = useMutation({
    mutationFn: () => tryNow(id),
    onMutate: () => setAsked({ nextTryAt: outage.nextTryAt }),
    onError: () => setAsked(null),
  });
  const trying = asked !== null && asked.nextTryAt === outage.nextTryAt;
  if (editing) return <SignIn outage={outage} onCancel={() => setEditing(false)} cancel="Back" settings />;
  return (
    <>
      <Text size="sm" aria-live="polite">
        {trying ? (
          'It is being tried …'
        ) : (
          <>
            {asked && 'It was tried, and can still not be read. '}
            {outage.nextTryAt && (
              <>
                It is tried again by itself: next <RelativeTime at={outage.nextTryAt} />.
              </>
            )}
          </>
        )}
      </Text>
      <Problem error={attempt.error} />
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onLater}>
          Later
        </Button>
        <Button variant="default" onClick={() => setEditing(true)}>
          Edit server settings
        </Button>
        <Button loading={trying} onClick={() => attempt.mutate()} data-autofocus>
          Try now
        </Button>
      </Group>
    </>
  );
}

/** `settings`: they are what is to be changed, so they are shown. The password goes to no other server without being entered again. */
function SignIn(props: { outage: Outage; cancel: string; onCancel: () => void; settings?: boolean }) {
  const { connection, message, needsSignIn } = props.outage;
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(connectionQuery(connection.id));
  const signIn = useMutation({
    mutationFn: (input: Parameters<typeof signInAgain>[1]) => signInAgain(connection.id, input),
    onSuccess: (saved) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      return client.invalidateQueries({ queryKey: ['connections'] });
    },
  });
  if (error) return <Problem error={error} retry={() => void refetch()} />;
  if (!data) return <LoadingRows rows={3} />;
  return (
    <MailboxForm
      settings={data.settings}
      known={!props.settings}
      hint={needsSignIn ? hintOf(message) : undefined}
      action="Sign In"
      busy={signIn.isPending}
      error={signIn.error}
      cancel={
        <Button variant="default" onClick={props.onCancel}>
          {props.cancel}
        </Button>
      }
      onSubmit={(input) => signIn.mutateAsync(input).catch(() => {})}
    />
  );
}

/** Where the provider is known, its refusal already says which password it takes. */
function hintOf(message: string): string {
  return /password at|switched off|expired/i.test(message)
    ? message
    : 'Enter the current password. A provider with two-step sign-in may want an app password instead of your usual one.';
}
