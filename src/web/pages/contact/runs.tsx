import { IconRoute } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '../../api/contacts.ts';
import type { Run } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Problem } from '../../components/problem.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import table from '../../components/table.module.css';
import type { Tone } from '../../components/tone.tsx';
import { ToneBadge } from '../../components/tone.tsx';

const states: Record<Run['state'], { label: string; tone: Tone }> = {
  running: { label: 'Running', tone: 'info' },
  waiting: { label: 'Waiting', tone: 'warn' },
  ended: { label: 'Ended', tone: 'neutral' },
  failed: { label: 'Failed', tone: 'bad' },
};

/** The maps that a contact is or was on, and where it stands. */
export function ContactRuns({ contactId }: { contactId: string }) {
  const { data: runs, error, isPending, refetch } = useQuery(runsQuery(contactId));
  if (isPending) return <LoadingRows rows={3} height={44} />;
  if (error) return <Problem error={error} retry={() => void refetch()} />;
  if (runs.length === 0) {
    return (
      <Empty icon={<IconRoute size={24} />} title="On no automation">
        When this contact sends an email, every published automation with the trigger “Sends you an email” begins here.
      </Empty>
    );
  }
  return (
    <div className={table['wrap']}>
      <table className={table['table']}>
        <caption hidden>Automations of this contact</caption>
        <thead>
          <tr>
            <SortHeading label="Automation" />
            <SortHeading label="State" />
            <SortHeading label="Stands at" />
            <SortHeading label="Since" />
            <SortHeading label="Began" />
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <td>
                <Link to="/automations/$mapId" params={{ mapId: run.map.id }} className={table['open']} data-line>
                  {run.map.name}
                </Link>
              </td>
              <td>
                <ToneBadge tone={states[run.state].tone}>{states[run.state].label}</ToneBadge>
              </td>
              <td>
                {run.element.label}
                {run.dueAt && run.state === 'waiting' && (
                  <div className={table['dim']}>
                    goes on <RelativeTime at={run.dueAt} />
                  </div>
                )}
                {run.error && <div style={{ color: 'var(--mantine-color-error)' }}>{run.error}</div>}
              </td>
              <td>
                <RelativeTime at={run.since} />
              </td>
              <td className={table['dim']}>
                <RelativeTime at={run.startedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
