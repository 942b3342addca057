import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlayerPause, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { Scope } from '../../api/connections.ts';
import { chooseFolders, connectionQuery, effectsQuery, tryNow, updateConnection } from '../../api/connections.ts';
import { isNowhere } from '../../api/request.ts';
import { useMe } from '../../api/session.ts';
import type { Connection, Sharing } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { NotFound } from '../../shell/fallbacks.tsx';
import { count } from '../../time.ts';
import { Checks } from './checks.tsx';
import { DeleteConnections } from './delete-connections.tsx';
import { FolderChoice } from './folder-choice.tsx';
import { HistoryImports } from './history-imports.tsx';
import { Outages } from './outages.tsx';
import { Quarantine } from './quarantine.tsx';
import { SenderCheck } from './sender-check.tsx';
import { SharingChoice } from './sharing-choice.tsx';
import { SignInAgain } from './sign-in-again.tsx';
import { StatusWords } from './status.tsx';

export function AnyConnectionPage() {
  const { connectionId } = useParams({ from: '/shell/administration/email/email-sync/$connectionId' });
  return <ConnectionPage id={connectionId} scope="account" />;
}

export function MyConnectionPage() {
  const { connectionId } = useParams({ from: '/shell/profile/email-sync/$connectionId' });
  return <ConnectionPage id={connectionId} scope="mine" />;
}

function ConnectionPage({ id, scope }: { id: string; scope: Scope }) {
  const { data: connection, error, isPending, refetch } = useQuery(connectionQuery(id));
  if (isNowhere(error)) return <NotFound />;
  const crumbs =
    scope === 'account'
      ? [
          'Administration',
          'Email',
          <Link key="list" to="/administration/email/email-sync">
            Email Sync
          </Link>,
        ]
      : [
          'Personal profile',
          'Integrations',
          <Link key="list" to="/profile/email-sync">
            Email Sync
          </Link>,
        ];
  return (
    <Page
      title={connection?.address ?? 'Connection'}
      crumbs={crumbs}
      narrow
      actions={connection && <Actions connection={connection} scope={scope} />}
    >
      {isPending && <LoadingRows rows={6} />}
      <Problem error={error} retry={() => void refetch()} />
      {connection && <Editor connection={connection} />}
    </Page>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper component="section" withBorder radius="md" p="md" aria-label={title}>
      <Title order={2} mb={8}>
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Editor({ connection }: { connection: Connection }) {
  const me = useMe();
  const own = connection.owner?.id === me.user.id;
  const { counts, settings } = connection;
  return (
    <Stack>
      <Card title="Last sync status">
        <StatusWords connection={connection} />
        <Text size="sm" mt={8} className="tabular">
          {count(counts.logged, 'email')} logged, {counts.skipped.toLocaleString('en')} skipped
          {counts.quarantined > 0 &&
            `, ${counts.quarantined.toLocaleString('en')} in quarantine, tried again by itself`}
          . <Link to="/administration/email/why">Why is a mail here, or not?</Link>
        </Text>
        <Text size="xs" c="dimmed" mt={4}>
          {own ? 'Your mailbox' : `Mailbox of ${connection.owner?.name ?? 'nobody'}`} at {settings.host}:{settings.port}{' '}
          as {settings.user}
        </Text>
        {connection.state === 'failing' && <TryNow id={connection.id} />}
        {own && <SignInAgain connection={connection} />}
        <Outages connectionId={connection.id} />
      </Card>
      <Folders connection={connection} own={own} />
      {connection.state !== 'connecting' && (
        <Card title="Quarantine">
          <Quarantine connection={connection} />
        </Card>
      )}
      {connection.state !== 'connecting' && (
        <Card title="Check">
          <Checks connection={connection} />
        </Card>
      )}
      {connection.state !== 'connecting' && (
        <Card title="Older mail">
          <HistoryImports connection={connection} own={own} />
        </Card>
      )}
      {connection.state !== 'connecting' && (
        <Card title="Forged senders">
          <SenderCheck connection={connection} />
        </Card>
      )}
      <SharingCard connection={connection} own={own} />
    </Stack>
  );
}

function TryNow({ id }: { id: string }) {
  const attempt = useMutation({ mutationFn: () => tryNow(id), onSuccess: () => say('The mailbox is being tried.') });
  return (
    <>
      <Problem error={attempt.error} />
      <Button variant="default" mt="sm" mr="xs" loading={attempt.isPending} onClick={() => attempt.mutate()}>
        Try now
      </Button>
    </>
  );
}

function Folders({ connection, own }: { connection: Connection; own: boolean }) {
  const client = useQueryClient();
  const wantsFirst = connection.state === 'connecting';
  const current = connection.folders
    .filter(({ chosen, proposed }) => (wantsFirst ? proposed : chosen))
    .map(({ id }) => id);
  const [draft, setDraft] = useState<ReadonlySet<string> | null>(null);
  const ids = draft ?? new Set(current);
  const changed =
    wantsFirst || (draft !== null && (draft.size !== current.length || current.some((id) => !draft.has(id))));
  const save = useMutation({
    mutationFn: () => chooseFolders(connection.id, [...ids]),
    onSuccess: (saved) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      void client.invalidateQueries({ queryKey: ['connections'] });
      setDraft(null);
      say('The folders were saved.');
    },
  });
  return (
    <Card title="Folders">
      <Stack gap="sm">
        <FolderChoice folders={connection.folders} value={ids} onChange={setDraft} disabled={!own} withCounts />
        {!own && (
          <Text size="sm" c="dimmed">
            Only the mailbox's owner chooses its folders.
          </Text>
        )}
        <Problem error={save.error} />
        {own && changed && (
          <Group justify="flex-end" gap="xs">
            <Text size="xs" c="dimmed" style={{ flex: 1 }}>
              A folder ticked now is caught up from the connection's start. That mail is logged and starts no
              automation.
            </Text>
            {!wantsFirst && (
              <Button variant="default" onClick={() => setDraft(null)}>
                Cancel
              </Button>
            )}
            <Button loading={save.isPending} disabled={ids.size === 0} onClick={() => save.mutate()}>
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  );
}

function SharingCard({ connection, own }: { connection: Connection; own: boolean }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<Sharing | null>(null);
  const { data: effects } = useQuery({ ...effectsQuery(connection.id), enabled: asked === 'private' });
  const save = async (sharing: Sharing) => {
    const saved = await updateConnection(connection.id, { sharing });
    client.setQueryData(connectionQuery(saved.id).queryKey, saved);
    void client.invalidateQueries({ queryKey: ['connections'] });
    void client.invalidateQueries({ queryKey: ['log'] });
    say(sharing === 'private' ? 'Its emails are private now.' : 'Its emails are shared with your team now.');
  };
  const hidden = effects?.hiddenIfPrivate;
  return (
    <Card title="Sharing">
      <SharingChoice value={connection.sharing} onChange={setAsked} disabled={!own} />
      {!own && (
        <Text size="sm" c="dimmed" mt="xs">
          Only the mailbox's owner decides about sharing.
        </Text>
      )}
      <Confirm
        opened={asked !== null}
        onClose={() => setAsked(null)}
        danger={false}
        title={asked === 'private' ? 'Make this mailbox private?' : 'Share everything of this mailbox?'}
        action={asked === 'private' ? 'Make it private' : 'Share everything'}
        onConfirm={() => save(asked ?? connection.sharing)}
      >
        <Text size="sm">
          {asked === 'private' ? (
            <>
              {hidden === undefined
                ? 'Counting what your colleagues will no longer see …'
                : hidden === 0
                  ? 'No log item that your colleagues see now will be hidden.'
                  : `${count(hidden, 'log item')} that your colleagues see now will be hidden from them, except from those whose own mailbox holds a copy.`}
            </>
          ) : (
            'Your colleagues will see the emails of this mailbox in the Contact Logs, those of the past too, unless another private mailbox also holds them.'
          )}
        </Text>
      </Confirm>
    </Card>
  );
}

function Actions({ connection, scope }: { connection: Connection; scope: Scope }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [deleting, { open, close }] = useDisclosure(false);
  const paused = connection.state === 'paused';
  const pause = useMutation({
    mutationFn: (to: boolean) => updateConnection(connection.id, { paused: to }),
    onSuccess: (saved, to) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      void client.invalidateQueries({ queryKey: ['connections'] });
      say(to ? 'Syncing is paused. Nothing is lost meanwhile.' : 'Syncing goes on. What was missed is caught up.');
    },
  });
  return (
    <>
      <Problem error={pause.error} />
      {connection.state !== 'connecting' && (
        <Button
          variant="default"
          leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          loading={pause.isPending}
          onClick={() => pause.mutate(!paused)}
        >
          {paused ? 'Resume' : 'Pause'}
        </Button>
      )}
      <Button variant="default" leftSection={<IconTrash size={16} />} onClick={open}>
        Delete
      </Button>
      <DeleteConnections
        connections={[connection]}
        opened={deleting}
        onClose={close}
        onDeleted={() =>
          void navigate({ to: scope === 'mine' ? '/profile/email-sync' : '/administration/email/email-sync' })
        }
      />
    </>
  );
}
