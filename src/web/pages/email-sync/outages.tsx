import { List, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { outagesOfQuery } from '../../api/outages.ts';
import type { Outage } from '../../api/types.ts';
import { count } from '../../time.ts';
import { OutageTimes, leavesSomething, recovered } from './outage-result.tsx';

/** When the mailbox could not be read, and what was recovered after each time; nothing where it always could. */
export function Outages({ connectionId }: { connectionId: string }) {
  const { data } = useQuery(outagesOfQuery(connectionId));
  if (!data || data.length === 0) return null;
  return (
    <>
      <Text size="sm" fw={600} mt="sm">
        When it could not be read
      </Text>
      <List size="sm" className="tabular" listStyleType="none">
        {data.map((outage) => (
          <List.Item key={outage.id}>
            <OutageTimes outage={outage} />: {came(outage)}
          </List.Item>
        ))}
      </List>
    </>
  );
}

function came(outage: Outage): string {
  const { phase, read, quarantined, check } = outage;
  if (phase === 'out') return 'still so';
  if (phase === 'catching_up') return `catching up, ${count(read, 'message')} read so far`;
  if (phase === 'checking') return 'caught up, being checked';
  const open = [
    quarantined > 0 && `${quarantined.toLocaleString('en')} in quarantine`,
    check && check.error !== null && 'not checked to the end',
    check && check.troubles.length > 0 && `${count(check.troubles.length, 'folder')} not checked`,
  ].filter(Boolean);
  return [recovered(outage), ...(leavesSomething(outage) ? open : [])].join(', ');
}
