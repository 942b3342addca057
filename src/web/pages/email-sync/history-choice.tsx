import { Group, Radio, Stack, Switch, TextInput } from '@mantine/core';
import { useMe } from '../../api/session.ts';
import type { HistoryInput } from '../../api/types.ts';
import { instantOf } from '../../time.ts';

export interface HistoryDraft {
  stretch: 'none' | '30 days' | 'date' | 'everything';
  /** A local date as inputs give it: "2026-11-23"; '' for none. */
  since: string;
  until: string;
  fires: boolean;
}

export const noHistory: HistoryDraft = { stretch: 'none', since: '', until: '', fires: false };

const month = 30 * 86_400_000;

/** What is asked of the server; null: nothing, or a date is missing still. Dates are days of the viewer's zone, the last one included. */
export function historyInput({ stretch, since, until, fires }: HistoryDraft, zone: string): HistoryInput | null {
  if (stretch === 'everything') return { since: null, until: null, fires };
  if (stretch === '30 days') return { since: new Date(Date.now() - month).toISOString(), until: null, fires };
  if (stretch === 'none' || since === '') return null;
  const end = until === '' ? null : new Date(Date.parse(`${until}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return { since: instantOf(`${since}T00:00`, zone), until: end && instantOf(`${end}T00:00`, zone), fires };
}

/** How much mail from before the connection is wanted. */
export function HistoryChoice(props: {
  value: HistoryDraft;
  onChange: (draft: HistoryDraft) => void;
  /** Offers to leave it. */
  withNone?: boolean;
}) {
  const { value, onChange } = props;
  const { zone } = useMe();
  const set = (change: Partial<HistoryDraft>) => onChange({ ...value, ...change });
  return (
    <Stack gap="sm">
      <Radio.Group
        aria-label="Mail from before the connection"
        value={value.stretch}
        onChange={(stretch) => set({ stretch: stretch as HistoryDraft['stretch'] })}
      >
        <Stack gap={8}>
          {props.withNone && <Radio value="none" label="None: only mail from now on" />}
          <Radio value="30 days" label="The last 30 days" />
          <Radio value="date" label="Since a date" />
          <Radio value="everything" label="Everything in the chosen folders" />
        </Stack>
      </Radio.Group>
      {value.stretch === 'date' && (
        <Group gap="sm" align="flex-start">
          <TextInput
            type="date"
            label="First day"
            description={`In ${zone}`}
            required
            value={value.since}
            onChange={(event) => set({ since: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label="Last day"
            description="Empty: until the connection"
            value={value.until}
            onChange={(event) => set({ until: event.currentTarget.value })}
          />
        </Group>
      )}
      {value.stretch !== 'none' && (
        <Switch
          label="Let it start automations"
          description="Usually off: contacts who wrote long ago would get today's tasks and scores. What it has started can't be undone."
          checked={value.fires}
          onChange={(event) => set({ fires: event.currentTarget.checked })}
        />
      )}
    </Stack>
  );
}
