import { Alert, Button, Group, Paper, Select, Stack, Stepper, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Navigate, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import {
  askForHistory,
  chooseFolders,
  connect,
  connectionQuery,
  detect,
  updateConnection,
} from '../../api/connections.ts';
import { isNowhere } from '../../api/request.ts';
import { useMe } from '../../api/session.ts';
import type { Connection, Detected, Sharing } from '../../api/types.ts';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { PlanRequired, Problem, described } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { usePhone } from '../../components/use-phone.ts';
import { NotFound } from '../../shell/fallbacks.tsx';
import { AddressStep } from './address-step.tsx';
import { FolderChoice } from './folder-choice.tsx';
import { HistoryChoice, historyInput, noHistory } from './history-choice.tsx';
import { MailboxForm } from './mailbox-form.tsx';
import { SharingChoice } from './sharing-choice.tsx';

const title = 'New Connection';

export function NewConnectionPage() {
  const me = useMe();
  const { connection: connectionId } = useSearch({ from: '/shell/profile/email-sync/new' });
  const navigate = useNavigate({ from: '/profile/email-sync/new' });
  const [found, setFound] = useState<{ address: string; detected: Detected } | null>(null);
  const [warnings, setWarnings] = useState<string[]>([]);
  const step = connectionId ? 2 : found ? 1 : 0;
  const phone = usePhone();
  const crumbs = [
    'Personal profile',
    'Integrations',
    <Link key="list" to="/profile/email-sync">
      Email Sync
    </Link>,
  ];
  if (me.account.plan === 'basic') {
    return (
      <Page title={title} crumbs={crumbs} narrow>
        <PlanRequired />
      </Page>
    );
  }
  return (
    <Page title={title} crumbs={crumbs} narrow>
      <Stepper active={step} size="xs" mb="lg" orientation={phone ? 'vertical' : 'horizontal'} hidden={phone}>
        <Stepper.Step label="Address" />
        <Stepper.Step label="Sign in" />
        <Stepper.Step label="Folders and sharing" />
      </Stepper>
      <Paper withBorder radius="md" p={{ base: 'md', sm: 'lg' }}>
        {step === 0 && <AddressStep onFound={(address, detected) => setFound({ address, detected })} />}
        {step === 1 && found && (
          <SignInStep
            address={found.address}
            detected={found.detected}
            onDetected={(detected) => setFound({ ...found, detected })}
            onBack={() => setFound(null)}
            onConnected={(made, said) => {
              setWarnings(said);
              // In the address from here on: the mailbox is connected already, and a reload must not lead to the beginning.
              void navigate({ search: { connection: made.id }, replace: true });
            }}
          />
        )}
        {connectionId && <LastStep key={connectionId} connectionId={connectionId} warnings={warnings} />}
      </Paper>
    </Page>
  );
}

/** Of a mailbox that is signed in to. What has its folders, or is another's, is seen on its own page. */
function LastStep({ connectionId, warnings }: { connectionId: string; warnings: string[] }) {
  const me = useMe();
  const { data: connection, error, isPending, refetch } = useQuery(connectionQuery(connectionId));
  if (isNowhere(error)) return <NotFound />;
  if (isPending) return <LoadingRows rows={6} />;
  if (error) return <Problem error={error} retry={() => void refetch()} />;
  if (connection.state !== 'connecting' || connection.owner?.id !== me.user.id) {
    return <Navigate to="/profile/email-sync/$connectionId" params={{ connectionId }} replace />;
  }
  return <FolderStep connection={connection} warnings={warnings} />;
}

/** Providers to choose when an own domain lies with one of them: an address of each leads the server to its settings. */
const providers = [
  { name: 'Gmail', domain: 'gmail.com' },
  { name: 'Microsoft 365', domain: 'office365.com' },
  { name: 'Outlook', domain: 'outlook.com' },
  { name: 'iCloud', domain: 'icloud.com' },
  { name: 'Yahoo', domain: 'yahoo.com' },
  { name: 'Fastmail', domain: 'fastmail.com' },
  { name: 'IONOS', domain: 'ionos.com' },
  { name: 'Infomaniak', domain: 'infomaniak.ch' },
];

function SignInStep(props: {
  address: string;
  detected: Detected;
  onDetected: (detected: Detected) => void;
  onBack: () => void;
  onConnected: (connection: Connection, warnings: string[]) => void;
}) {
  const { address, detected } = props;
  const client = useQueryClient();
  const override = useMutation({
    mutationFn: async (domain: string) => {
      if (domain === 'other') {
        const host = `imap.${address.split('@').at(-1)}`;
        const settings = { host, port: 993, security: 'tls' as const, user: address };
        return { provider: 'imap' as const, name: 'another server', settings, known: false };
      }
      const found = await detect(`someone@${domain}`);
      return { ...found, settings: { ...found.settings, user: address } };
    },
    onSuccess: props.onDetected,
  });
  const open = useMutation({
    mutationFn: connect,
    onSuccess: ({ warnings, ...made }) => {
      client.setQueryData(connectionQuery(made.id).queryKey, made);
      void client.invalidateQueries({ queryKey: ['connections'] });
      props.onConnected(made, warnings);
    },
  });
  return (
    <Stack>
      <div>
        <Title order={2}>Sign in to {address}</Title>
        {!detected.known && (
          <Text size="sm" c="dimmed">
            This provider isn't a known one; the settings below are likely ones.
          </Text>
        )}
      </div>
      <Select
        label="Provider"
        description="Found from the address. Choose another if your domain's mail lies there."
        allowDeselect={false}
        data={[
          { value: 'detected', label: detected.known ? `${detected.name} (IMAP)` : `IMAP server of ${detected.name}` },
          ...(detected.known ? [{ value: 'other', label: 'Another IMAP server' }] : []),
          ...providers
            .filter(({ name }) => name !== detected.name)
            .map(({ name, domain }) => ({ value: domain, label: `${name} (IMAP)` })),
        ]}
        value="detected"
        onChange={(value) => value && override.mutate(value)}
      />
      <Problem error={override.error} />
      <MailboxForm
        key={`${detected.name} ${detected.settings.host}`}
        settings={detected.settings}
        known={detected.known}
        hint={detected.hint}
        action="Sign In"
        busy={open.isPending}
        error={open.error}
        cancel={
          <Button variant="default" onClick={props.onBack}>
            Back
          </Button>
        }
        // The sharing is chosen with the folders, before anything is synced.
        onSubmit={(input) =>
          open.mutateAsync({ address, provider: detected.provider, sharing: 'everything', ...input }).catch(() => {})
        }
      />
    </Stack>
  );
}

function FolderStep({ connection, warnings }: { connection: Connection; warnings: string[] }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [sharing, setSharing] = useState<Sharing>(connection.sharing);
  const [ids, setIds] = useState<ReadonlySet<string>>(
    () => new Set(connection.folders.filter(({ proposed, chosen }) => proposed || chosen).map(({ id }) => id)),
  );
  const { zone } = useMe();
  const [history, setHistory] = useState(noHistory);
  const asked = historyInput(history, zone);
  const incomplete = ids.size === 0 || (history.stretch !== 'none' && asked === null);
  const save = useMutation({
    mutationFn: async () => {
      // First, so that nothing is shared for even a moment that shouldn't be.
      if (sharing !== connection.sharing) await updateConnection(connection.id, { sharing });
      const saved = await chooseFolders(connection.id, [...ids]);
      // Connected it is by now: a refusal of the history is said, and can be put right on the connection's own page.
      const refused = asked && (await askForHistory(connection.id, asked).catch((error: unknown) => error));
      return { saved, refused: refused instanceof Error ? described(refused).message : null };
    },
    onSuccess: async ({ saved, refused }) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      void client.invalidateQueries({ queryKey: ['connections'] });
      await navigate({
        to: '/profile/email-sync/$connectionId',
        params: { connectionId: saved.id },
        // Back doesn't lead into what is done.
        replace: true,
      });
      say(
        refused
          ? `${saved.address} is connected, but older mail isn't imported: ${refused}`
          : `${saved.address} is connected. New mail with your contacts is logged from now on.`,
      );
    },
  });
  return (
    <Stack>
      <div>
        <Title order={2}>You are signed in to {connection.address}</Title>
        <Text size="sm" c="dimmed">
          Which folders should be synced? You can change this later.
        </Text>
      </div>
      {warnings.map((warning) => (
        <Alert key={warning} color="yellow" variant="light" py="xs">
          {warning}
        </Alert>
      ))}
      <FolderChoice folders={connection.folders} value={ids} onChange={setIds} />
      <div>
        <Title order={2} mb={6}>
          Who sees the emails?
        </Title>
        <SharingChoice value={sharing} onChange={setSharing} />
      </div>
      <div>
        <Title order={2} mb={6}>
          Import older mail?
        </Title>
        <HistoryChoice value={history} onChange={setHistory} withNone />
      </div>
      <Problem error={save.error} />
      <Group justify="space-between">
        <Text size="sm" c={ids.size === 0 ? 'var(--mantine-color-error)' : 'dimmed'}>
          {ids.size === 0
            ? 'Tick at least one folder.'
            : history.stretch === 'none'
              ? 'Syncing begins now: older mail is not fetched.'
              : 'Syncing begins now; older mail follows, newest first.'}
        </Text>
        <Button loading={save.isPending} disabled={incomplete} onClick={() => save.mutate()}>
          Save
        </Button>
      </Group>
    </Stack>
  );
}
