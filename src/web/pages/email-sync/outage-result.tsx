import { Alert, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { checkQuery } from '../../api/connections.ts';
import { useMe } from '../../api/session.ts';
import type { Outage } from '../../api/types.ts';
import { Problem } from '../../components/problem.tsx';
import { count, dateAndTime } from '../../time.ts';

/** "12 recovered, 0 missing", by the check that followed. */
export function recovered({ check }: Pick<Outage, 'check'>): string {
  if (check === null) return 'everything missed was read';
  return `${check.recovered.toLocaleString('en')} recovered, ${check.missing.toLocaleString('en')} missing`;
}

/** Whether somebody should look at it. */
export const leavesSomething = ({ check, quarantined }: Outage) =>
  quarantined > 0 || check === null || check.missing > 0 || check.error !== null || check.troubles.length > 0;

/** From when to when it was. */
export function OutageTimes({ outage: { beganAt, backAt } }: { outage: Outage }) {
  const { zone } = useMe();
  return (
    <>
      {dateAndTime(beganAt, zone)}
      {backAt && ` to ${dateAndTime(backAt, zone)}`}
    </>
  );
}

/** What an outage came to: what the check compared, and all that it leaves open, with where to look. */
export function OutageResult({ outage }: { outage: Outage }) {
  const { check, connection, quarantined } = outage;
  return (
    <Stack gap="sm">
      <Text size="xl" fw={600} className="tabular">
        {recovered(outage)}
      </Text>
      <Text size="sm">
        The mailbox could not be read from <OutageTimes outage={outage} />.
        {check &&
          ` Since then everything missed was caught up, and ${count(check.listed, 'message')} on the server ${check.listed === 1 ? 'was' : 'were'} compared with what Letterlog has.`}
        {check?.recovered === 0 && ' Nothing from or to your contacts had come meanwhile.'}
      </Text>
      {quarantined > 0 && (
        <Alert color="yellow" variant="light" py="xs">
          {count(quarantined, 'message')} could not be read and {quarantined === 1 ? 'is' : 'are'} in quarantine, tried
          again by {quarantined === 1 ? 'itself' : 'themselves'}. The mailbox’s page lists{' '}
          {quarantined === 1 ? 'it' : 'them'} under Quarantine.
        </Alert>
      )}
      {check && check.error !== null && (
        <Alert color="yellow" variant="light" py="xs">
          The check ended before every folder was compared: {check.error} It begins again by itself.
        </Alert>
      )}
      {check?.troubles.map(({ folder, error }) => (
        <Alert key={folder} color="yellow" variant="light" py="xs">
          The folder <bdi>{folder}</bdi> could not be checked: {error} Check the mailbox again from its page, under
          Check.
        </Alert>
      ))}
      {check && check.missing > 0 && <Missing connectionId={connection.id} checkId={check.id} />}
    </Stack>
  );
}

function Missing({ connectionId, checkId }: { connectionId: string; checkId: string }) {
  const { data, error } = useQuery(checkQuery(connectionId, checkId));
  const left = data?.found.filter(({ ref, ruleAfter }) => ref !== null && ruleAfter === null) ?? [];
  return (
    <Alert color="red" variant="light" py="xs" title="Not repaired yet">
      <Problem error={error} />
      <List size="sm">
        {left.slice(0, 10).map(({ folder, ref, kind, explanation }) => (
          <List.Item key={`${folder} ${kind} ${ref}`}>
            <bdi>{folder}</bdi>, message {ref}: {explanation}
          </List.Item>
        ))}
      </List>
      <Text size="sm">
        All that was found is listed on the mailbox’s page, under Check. The daily check tries again.
      </Text>
    </Alert>
  );
}
