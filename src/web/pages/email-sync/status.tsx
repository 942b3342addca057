import { Stack, Text } from '@mantine/core';
import type { Connection, ConnectionState } from '../../api/types.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import type { Tone } from '../../components/tone.tsx';
import { ToneBadge } from '../../components/tone.tsx';

export const statusLabels: Record<ConnectionState, { label: string; tone: Tone }> = {
  connecting: { label: 'Choose folders', tone: 'warn' },
  importing: { label: 'Importing', tone: 'info' },
  active: { label: 'Active', tone: 'good' },
  catching_up: { label: 'Catching up', tone: 'info' },
  paused: { label: 'Paused', tone: 'neutral' },
  needs_sign_in: { label: 'Re-authenticate', tone: 'bad' },
  failing: { label: 'In trouble', tone: 'bad' },
};

/** It is being synced, whatever goes on. */
export function canBeChecked({ state }: Connection): boolean {
  return state !== 'connecting' && state !== 'paused' && state !== 'needs_sign_in';
}

export function StatusBadge({ state }: { state: ConnectionState }) {
  const { label, tone } = statusLabels[state];
  return <ToneBadge tone={tone}>{label}</ToneBadge>;
}

/** The status with, in a word, what mail says against it. */
export function ListedStatus({ connection: { state, stateMessage, health } }: { connection: Connection }) {
  const [warning] = health;
  return (
    <span title={[stateMessage, ...health.map(({ message }) => message)].filter(Boolean).join('\n') || undefined}>
      <StatusBadge state={state} />
      {warning && (
        <>
          {' '}
          <ToneBadge tone="warn">{warningLabels[warning.code]}</ToneBadge>
        </>
      )}
    </span>
  );
}

const warningLabels: Record<Connection['health'][number]['code'], string> = {
  drifted: 'Differed',
  unchecked: 'Not checked',
  unsteady: 'Renumbered',
  silent: 'Silent',
};

/** The status with its reason, since when, and when it is tried again. */
export function StatusWords({ connection }: { connection: Connection }) {
  const { state, stateMessage, stateSince, nextTryAt, lastSyncedAt } = connection;
  return (
    <Stack gap={4}>
      <div>
        <StatusBadge state={state} />
      </div>
      {stateMessage && <Text size="sm">{stateMessage}</Text>}
      {state === 'connecting' && <Text size="sm">Nothing is synced before its folders are chosen.</Text>}
      {state === 'catching_up' && <Text size="sm">The mailbox is read again; what was missed is being caught up.</Text>}
      <Text size="xs" c="dimmed">
        Since <RelativeTime at={stateSince} />
        {nextTryAt && state === 'failing' && (
          <>
            , next try <RelativeTime at={nextTryAt} />
          </>
        )}
        {lastSyncedAt && (
          <>
            . Last synced <RelativeTime at={lastSyncedAt} />
          </>
        )}
      </Text>
    </Stack>
  );
}
