import { Radio, Skeleton, Stack, Text } from '@mantine/core';
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { connectionQuery, deleteConnection, effectsQuery } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Problem } from '../../components/problem.tsx';
import { say } from '../../components/toast.tsx';
import { count } from '../../time.ts';

/** Asks what becomes of the log before mailboxes are disconnected for good. */
export function DeleteConnections(props: {
  connections: Connection[];
  opened: boolean;
  onClose: () => void;
  onDeleted: () => void;
}) {
  const { connections, opened } = props;
  const [log, setLog] = useState<'keep' | 'erase'>('keep');
  const client = useQueryClient();
  const effects = useQueries({
    queries: connections.map(({ id }) => ({ ...effectsQuery(id), enabled: opened })),
  });
  const loading = effects.some(({ isPending }) => isPending);
  const failed = effects.find(({ error }) => error)?.error;
  const sum = (of: 'logItems' | 'onlyHere') => effects.reduce((total, { data }) => total + (data?.[of] ?? 0), 0);
  const one = connections.length === 1 ? connections[0] : undefined;
  const name = one ? one.address : count(connections.length, 'connection');

  const remove = async () => {
    for (const { id } of connections) {
      await deleteConnection(id, log);
      client.removeQueries({ queryKey: connectionQuery(id).queryKey });
    }
    props.onDeleted();
    say(
      log === 'erase'
        ? `${name} deleted, with what only it had logged.`
        : `${name} deleted. The Contact Logs keep their emails.`,
    );
    await Promise.all(
      [['connections', 'mine'], ['connections', 'account'], ['log'], ['contacts']].map((queryKey) =>
        client.invalidateQueries({ queryKey }),
      ),
    );
  };
  return (
    <Confirm
      opened={opened}
      onClose={props.onClose}
      title={`Delete ${name}?`}
      action={log === 'erase' ? 'Delete and erase' : 'Delete'}
      disabled={loading}
      onConfirm={remove}
    >
      <Text size="sm">
        Syncing stops and the sign-in is forgotten. Nothing changes in the mailbox itself. Connecting it again later
        starts anew from that moment.
      </Text>
      <Problem error={failed} />
      {loading ? (
        <Skeleton height={92} />
      ) : (
        <Radio.Group
          label={`${count(sum('logItems'), 'log item')} came through ${one ? 'it' : 'them'}. What should happen to ${sum('logItems') === 1 ? 'it' : 'them'}?`}
          value={log}
          onChange={(value) => setLog(value as typeof log)}
        >
          <Stack gap="sm" mt="xs">
            <Radio value="keep" label="Keep them" description="The Contact Logs stay as they are." />
            <Radio
              value="erase"
              label={`Erase ${count(sum('onlyHere'), 'log item')} that no other mailbox holds`}
              description="The emails are erased from Letterlog with their attachments. This can't be undone."
            />
          </Stack>
        </Radio.Group>
      )}
    </Confirm>
  );
}
