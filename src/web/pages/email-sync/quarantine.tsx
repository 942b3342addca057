import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { connectionQuery, quarantineQuery, settleQuarantined } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { count } from '../../time.ts';

type Action = 'retry' | 'dismiss' | 'restore';

/** Messages that could not be taken in, and what to do about each. They hold up nothing. */
export function Quarantine({ connection }: { connection: Connection }) {
  const client = useQueryClient();
  const { data: items, error } = useQuery(quarantineQuery(connection.id));
  const settle = useMutation({
    mutationFn: ({ id, action }: { id: string; action: Action }) => settleQuarantined(connection.id, id, action),
    onSettled: () => client.invalidateQueries({ queryKey: connectionQuery(connection.id).queryKey }),
  });
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {items?.length === 0
          ? 'It is empty: every message could be read and stored.'
          : 'These messages could not be fetched, read or stored. They are tried again with growing pauses and hold up nothing.'}
      </Text>
      <Problem error={error ?? settle.error} />
      {items?.map(({ id, folder, receivedAt, listedAt, dismissed, error: why, tries, nextTryAt }) => (
        <Group key={id} justify="space-between" gap="xs">
          <div style={{ flex: '1 1 220px', minWidth: 0 }}>
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              <bdi>{folder}</bdi>, <RelativeTime at={receivedAt ?? listedAt} />
              {why && `: ${why}`}
            </Text>
            <Text size="xs" c="dimmed">
              {dismissed ? 'Dismissed: it is not tried again' : `${count(tries, 'try', 'tries')} so far`}
              {nextTryAt && <NextTry at={nextTryAt} connection={connection} />}
            </Text>
          </div>
          <Group gap="xs">
            {(dismissed ? (['restore'] as const) : (['retry', 'dismiss'] as const)).map((action) => (
              <Button
                key={action}
                size="xs"
                variant="default"
                disabled={settle.isPending}
                onClick={() => settle.mutate({ id, action })}
              >
                {labels[action]}
              </Button>
            ))}
          </Group>
        </Group>
      ))}
    </Stack>
  );
}

function NextTry({ at, connection }: { at: string; connection: Connection }) {
  if (Date.parse(at) > Date.now()) {
    return (
      <>
        , next <RelativeTime at={at} />
      </>
    );
  }
  const away = ['paused', 'needs_sign_in', 'failing'].includes(connection.state);
  return away ? ', next when the mailbox can be read again' : ', next in a moment';
}

const labels: Record<Action, string> = { retry: 'Try now', dismiss: 'Dismiss', restore: 'Put back' };
