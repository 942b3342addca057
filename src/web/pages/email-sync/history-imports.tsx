import { Alert, Button, Group, Paper, Progress, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { askForHistory, changeHistory, historyQuery } from '../../api/connections.ts';
import { useMe } from '../../api/session.ts';
import type { Connection, History } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { say } from '../../components/toast.tsx';
import { count, dateOnly, duration } from '../../time.ts';
import { HistoryChoice, historyInput, noHistory } from './history-choice.tsx';

/** The imports of mail from before the connection: how far each has come, and how to ask for one. */
export function HistoryImports({ connection, own }: { connection: Connection; own: boolean }) {
  const { data: imports, error } = useQuery(historyQuery(connection.id));
  const underWay = imports?.find(({ state }) => state === 'running' || state === 'paused');
  const ended = imports?.filter((one) => one !== underWay) ?? [];
  return (
    <Stack gap="sm">
      <Problem error={error} />
      {underWay && <UnderWay connection={connection} history={underWay} own={own} />}
      {ended.map((history) => (
        <Ended key={history.id} history={history} />
      ))}
      {imports && !underWay && (own ? <Ask connection={connection} first={ended.length === 0} /> : null)}
      {imports?.length === 0 && !own && (
        <Text size="sm" c="dimmed">
          None was asked for. Only the mailbox's owner can.
        </Text>
      )}
    </Stack>
  );
}

function Ended({ history }: { history: History }) {
  return (
    <Text size="sm" className="tabular">
      {history.state === 'cancelled' ? 'Cancelled' : 'Imported'}
      {history.endedAt && (
        <>
          {' '}
          <RelativeTime at={history.endedAt} />
        </>
      )}
      : <Stretch history={history} />. {count(history.logged, 'email')} logged
      {/* What was listed before the import is none of its messages, but its emails are logged by it. */}
      {history.listed >= history.logged && ` of ${history.listed.toLocaleString('en')} listed`}.
    </Text>
  );
}

function Stretch({ history: { since, until } }: { history: History }) {
  const { zone } = useMe();
  // The end isn't part of it.
  const last = until && dateOnly(new Date(Date.parse(until) - 1).toISOString(), zone);
  const words = since ? `mail since ${dateOnly(since, zone)}` : 'all mail';
  return <>{last ? `${words} until ${last}` : words}</>;
}

function UnderWay({ connection, history, own }: { connection: Connection; history: History; own: boolean }) {
  const client = useQueryClient();
  const [cancelling, setCancelling] = useState(false);
  const { listed, logged, total, rate, secondsLeft, state, troubles } = history;
  const change = useMutation({
    mutationFn: (to: 'running' | 'paused' | 'cancelled') => changeHistory(connection.id, to),
    onSuccess: () => client.invalidateQueries({ queryKey: connectionKey(connection.id) }),
  });
  const done = total === null ? 0 : total === 0 ? 100 : (100 * listed) / total;
  const waits = state === 'running' && ['paused', 'needs_sign_in', 'failing'].includes(connection.state);
  return (
    <Paper withBorder p="sm" radius="md">
      <Stack gap={8}>
        <Text size="sm" fw={600}>
          {state === 'paused' ? 'Paused: ' : 'Importing '}
          <Stretch history={history} />
        </Text>
        <Progress
          value={done}
          animated={rate !== null}
          color={state === 'paused' ? 'gray' : undefined}
          aria-label="How far the import has come"
        />
        <Text size="sm" className="tabular" aria-live="polite">
          {total === null
            ? 'The mailbox is being counted'
            : `${listed.toLocaleString('en')} of ${total.toLocaleString('en')} listed`}
          , {count(logged, 'email')} logged
          {rate !== null && `. ${count(Math.round(rate), 'message')} a second`}
          {secondsLeft !== null && `, about ${duration(secondsLeft)} left`}
        </Text>
        <Text size="xs" c="dimmed">
          {waits
            ? 'It goes on as soon as the mailbox can be read again.'
            : history.fires
              ? 'This import starts automations, as was asked for. New mail comes first all the while.'
              : 'It starts no automation. New mail comes first all the while.'}
        </Text>
        {troubles.map(({ folder, error }) => (
          <Alert key={folder} color="yellow" variant="light" py={6}>
            <bdi>{folder}</bdi>: {error} It is tried again by itself.
          </Alert>
        ))}
        <Problem error={change.error} />
        {own && (
          <Group gap="xs">
            <Button
              variant="default"
              loading={change.isPending}
              onClick={() => change.mutate(state === 'paused' ? 'running' : 'paused')}
            >
              {state === 'paused' ? 'Resume import' : 'Pause import'}
            </Button>
            <Button variant="default" onClick={() => setCancelling(true)}>
              Cancel import
            </Button>
          </Group>
        )}
      </Stack>
      <Confirm
        opened={cancelling}
        onClose={() => setCancelling(false)}
        title="Cancel this import?"
        action="Cancel the import"
        onConfirm={() => change.mutateAsync('cancelled')}
      >
        <Text size="sm">What was logged stays. The rest can be asked for again at any time.</Text>
      </Confirm>
    </Paper>
  );
}

function Ask({ connection, first }: { connection: Connection; first: boolean }) {
  const client = useQueryClient();
  const { zone } = useMe();
  const [draft, setDraft] = useState<typeof noHistory | null>(null);
  const input = draft && historyInput(draft, zone);
  const ask = useMutation({
    mutationFn: (json: NonNullable<typeof input>) => askForHistory(connection.id, json),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: connectionKey(connection.id) });
      setDraft(null);
      say('The import has begun.');
    },
  });
  if (!draft) {
    return (
      <Stack gap="xs" align="flex-start">
        {first && (
          <Text size="sm" c="dimmed">
            Only mail since {dateOnly(connection.startedAt, zone)} is here. Older mail of your contacts can be imported.
          </Text>
        )}
        <Button variant="default" onClick={() => setDraft({ ...noHistory, stretch: '30 days' })}>
          {first ? 'Import older mail' : 'Import more'}
        </Button>
      </Stack>
    );
  }
  return (
    <Stack gap="sm">
      <HistoryChoice value={draft} onChange={setDraft} />
      <Problem error={ask.error} />
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={() => setDraft(null)}>
          Cancel
        </Button>
        <Button disabled={!input} loading={ask.isPending} onClick={() => input && ask.mutate(input)}>
          Start the import
        </Button>
      </Group>
    </Stack>
  );
}

const connectionKey = (id: string) => ['connections', 'one', id];
