import { Alert, Button, Loader, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { askForCheck, checkQuery, checksQuery, connectionQuery } from '../../api/connections.ts';
import type { Check, Connection } from '../../api/types.ts';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { count } from '../../time.ts';
import { canBeChecked } from './status.tsx';

const shownAtFirst = 5;

/** "Check mailbox": the proof that nothing is lost, with what was found before. */
export function Checks({ connection }: { connection: Connection }) {
  const client = useQueryClient();
  const { data: checks, error } = useQuery(checksQuery(connection.id));
  const ask = useMutation({
    mutationFn: () => askForCheck(connection.id),
    onSuccess: () => client.invalidateQueries({ queryKey: connectionQuery(connection.id).queryKey }),
  });
  const underWay = checks?.find(({ endedAt }) => endedAt === null);
  const ended = checks?.filter(({ endedAt }) => endedAt !== null) ?? [];
  const [whole, setWhole] = useState(false);
  const synced = canBeChecked(connection);
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        A check compares every message on the server with what Letterlog noted of it, and with the Contact Log, and
        repairs what differs. It runs by itself once a day.
      </Text>
      {connection.health.map(({ code, message }) => (
        <Alert key={code} color="yellow" variant="light" py={6}>
          {message}
        </Alert>
      ))}
      <Problem error={error ?? ask.error} />
      {underWay ? (
        <Group gap={8} aria-live="polite" wrap="nowrap">
          <Loader size="xs" aria-hidden />
          <Text size="sm" className="tabular">
            {underWay.startedAt ? 'Checking' : 'The check waits for its turn'}: {count(underWay.listed, 'message')}{' '}
            compared, {count(underWay.differences, 'difference')} so far
          </Text>
        </Group>
      ) : (
        synced && (
          <div>
            <Button variant="default" loading={ask.isPending} onClick={() => ask.mutate()}>
              Check mailbox
            </Button>
          </div>
        )
      )}
      {checks && ended.length === 0 && !underWay && <Text size="sm">It has not been checked yet.</Text>}
      {(whole ? ended : ended.slice(0, shownAtFirst)).map((check) => (
        <Ended key={check.id} connection={connection} check={check} />
      ))}
      {!whole && ended.length > shownAtFirst && (
        <div>
          <Button variant="default" size="compact-sm" onClick={() => setWhole(true)}>
            Earlier checks
          </Button>
        </div>
      )}
    </Stack>
  );
}

function Ended({ connection, check }: { connection: Connection; check: Check }) {
  const [open, setOpen] = useState(false);
  const { askedBy, startedAt, endedAt, listed, inLedger, differences, repaired, recovered, missing, troubles } = check;
  const seconds = startedAt && endedAt ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : 0;
  return (
    <div>
      {(check.error === null || startedAt) && (
        <Text size="sm" className="tabular">
          {differences === 0 && troubles.length === 0 && check.error === null
            ? `Nothing is missing: ${count(listed, 'message')} compared, no difference.`
            : `${count(listed, 'message')} compared, ${inLedger.toLocaleString('en')} of them noted here. ${count(differences, 'difference')}, ${repaired.toLocaleString('en')} repaired, ${recovered.toLocaleString('en')} recovered, ${missing.toLocaleString('en')} missing.`}
        </Text>
      )}
      {check.error !== null && (
        <Text size="sm" c="var(--mantine-color-error)">
          It ended before every folder was compared: {check.error}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        {endedAt && <RelativeTime at={endedAt} />}, {askedBy ? `asked for by ${askedBy.name}` : 'by itself'}, took{' '}
        {seconds < 1 ? 'less than a second' : count(Math.round(seconds), 'second')}
      </Text>
      {troubles.map(({ folder, error }) => (
        <Text key={folder} size="sm" c="var(--mantine-color-error)">
          <bdi>{folder}</bdi> could not be checked: {error}
        </Text>
      ))}
      {differences > 0 && (
        <Button variant="default" mt={4} size="compact-sm" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide what was found' : 'Show what was found'}
        </Button>
      )}
      {open && <Differences connection={connection} check={check} />}
    </div>
  );
}

function Differences({ connection, check }: { connection: Connection; check: Check }) {
  const { data, error } = useQuery(checkQuery(connection.id, check.id));
  return (
    <>
      <Problem error={error} />
      <ul style={{ margin: '4px 0', paddingLeft: 20 }}>
        {data?.found.map(({ folder, ref, explanation, kind }) => (
          <li key={`${folder} ${kind} ${ref}`}>
            <Text size="sm">
              <bdi>{folder}</bdi>
              {ref && `, message ${ref}`}: {explanation}
            </Text>
          </li>
        ))}
      </ul>
    </>
  );
}
