import { Code, Group, Stack, Text } from '@mantine/core';
import { IconBolt } from '@tabler/icons-react';
import { useMe } from '../api/session.ts';
import type { Sighting, Why } from '../api/types.ts';
import { dateAndTime } from '../time.ts';
import { mayStart } from './may-start.ts';
import { RelativeTime } from './relative-time.tsx';
import { ToneBadge } from './tone.tsx';
import classes from './why-answer.module.css';

const states = {
  logged: { label: 'Logged', tone: 'good' },
  skipped: { label: 'Skipped', tone: 'neutral' },
  quarantined: { label: 'Quarantined', tone: 'bad' },
} as const;

/** Where a message was seen, what was decided about it, by which rule and when. */
export function WhyAnswer({ why }: { why: Why }) {
  return (
    <Stack gap="sm">
      <Text size="sm">{why.explanation}</Text>
      {why.messageId && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          Message-ID <Code>{why.messageId}</Code>
        </Text>
      )}
      {why.automations.length > 0 && (
        <ul className={classes['automations']} aria-label="Automations">
          {why.automations.map(({ logItemId, map, fired, explanation }) => (
            <li key={`${logItemId} ${map.id}`}>
              <IconBolt size={15} aria-hidden data-fired={fired} />
              {explanation}
            </li>
          ))}
        </ul>
      )}
      <ul className={classes['list']} aria-label="Where it was seen">
        {why.sightings.map((sighting) => (
          <li key={sighting.id} className={classes['sighting']}>
            <SightingView sighting={sighting} />
          </li>
        ))}
      </ul>
    </Stack>
  );
}

function SightingView({ sighting }: { sighting: Sighting }) {
  const { zone } = useMe();
  const { label, tone } = states[sighting.state];
  const automations = mayStart(sighting);
  return (
    <>
      <Group gap="xs">
        <ToneBadge tone={tone}>{label}</ToneBadge>
        <Text size="sm" fw={550} style={{ overflowWrap: 'anywhere' }}>
          {sighting.mailbox?.address ?? 'A private mailbox'}, folder {sighting.folder}
        </Text>
      </Group>
      <Text size="sm" mt={6}>
        {sighting.explanation}
      </Text>
      <dl className={classes['facts']}>
        {sighting.receivedAt && (
          <>
            <dt>Received by the server</dt>
            <dd>{dateAndTime(sighting.receivedAt, zone)}</dd>
          </>
        )}
        <dt>Seen here</dt>
        <dd>
          <RelativeTime at={sighting.listedAt} />
        </dd>
        <dt>Rule</dt>
        <dd>
          <Code>{sighting.rule}</Code>
        </dd>
        {automations && (
          <>
            <dt>Automations</dt>
            <dd>{automations}</dd>
          </>
        )}
        {sighting.sender && sighting.sender.verdict !== 'none' && (
          <>
            <dt>Sender</dt>
            <dd>
              {sighting.sender.verdict === 'pass' ? 'Confirmed' : 'Could not be confirmed'} by{' '}
              {sighting.sender.by ?? "Letterlog's own check"}
              {sighting.sender.results && ` (${sighting.sender.results})`}
            </dd>
          </>
        )}
        {sighting.error && (
          <>
            <dt>Error</dt>
            <dd>{sighting.error}</dd>
          </>
        )}
        {sighting.dueAt && (
          <>
            <dt>Decided again</dt>
            <dd>
              <RelativeTime at={sighting.dueAt} />
            </dd>
          </>
        )}
        {sighting.decisions.length > 1 && (
          <>
            <dt>Decisions</dt>
            <dd>
              {sighting.decisions.map((decision, index) => (
                <div key={index}>
                  {dateAndTime(decision.at, zone)}: {decision.state} (<Code>{decision.rule}</Code>)
                </div>
              ))}
            </dd>
          </>
        )}
      </dl>
    </>
  );
}
