import { Checkbox, Group, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { Folder } from '../../api/types.ts';
import { Label, ToneBadge } from '../../components/tone.tsx';
import classes from './folder-choice.module.css';

/** Folders that people want first; the rest follows by name. */
const firstRoles = ['inbox', 'sent', 'archive', 'all'];

const roleWords: Record<string, string> = {
  inbox: 'Inbox',
  sent: 'Sent',
  drafts: 'never logged',
  archive: 'Archive',
  all: 'All mail',
  junk: 'Junk',
  trash: 'Trash',
  flagged: 'Flagged',
};

/** The mailbox's folders, ticked when they are synced. */
export function FolderChoice(props: {
  folders: Folder[];
  value: ReadonlySet<string>;
  onChange: (ids: ReadonlySet<string>) => void;
  disabled?: boolean;
  withCounts?: boolean;
}) {
  const { folders, value, onChange } = props;
  const [q, setQ] = useState('');
  const rank = ({ role }: Folder) => {
    const at = role ? firstRoles.indexOf(role) : -1;
    return at < 0 ? firstRoles.length : at;
  };
  const selectable = folders
    .filter((folder) => folder.selectable || folder.chosen)
    .toSorted((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  const shown = selectable.filter(({ name }) => name.toLowerCase().includes(q.trim().toLowerCase()));
  const toggle = (id: string) => {
    const next = new Set(value);
    if (!next.delete(id)) next.add(id);
    onChange(next);
  };
  return (
    <div>
      {selectable.length > 12 && (
        <TextInput
          mb="xs"
          type="search"
          size="xs"
          aria-label="Search folders"
          placeholder={`Search ${selectable.length} folders`}
          leftSection={<IconSearch size={14} aria-hidden />}
          value={q}
          onChange={(event) => setQ(event.currentTarget.value)}
        />
      )}
      <ul className={classes['list']} aria-label="Folders">
        {shown.map((folder) => (
          <li key={folder.id}>
            <Group gap={8}>
              <Checkbox
                label={<bdi>{folder.name}</bdi>}
                checked={value.has(folder.id)}
                disabled={props.disabled}
                onChange={() => toggle(folder.id)}
              />
              {folder.role && roleWords[folder.role]?.toLowerCase() !== folder.name.toLowerCase() && (
                <Label>{roleWords[folder.role] ?? folder.role}</Label>
              )}
              {folder.gone && (
                <ToneBadge tone="neutral" title="It is synced again as soon as it comes back.">
                  no longer in the mailbox
                </ToneBadge>
              )}
              {folder.unsteady && !folder.gone && (
                <ToneBadge
                  tone="warn"
                  title="Its mail is recognised by Message-ID, sender and date; nothing is logged twice."
                >
                  renumbered by the server
                </ToneBadge>
              )}
            </Group>
            {props.withCounts && folder.chosen && (
              <span className={`tabular ${classes['counts']}`}>
                {folder.counts.logged.toLocaleString('en')} logged · {folder.counts.skipped.toLocaleString('en')}{' '}
                skipped
                {folder.counts.quarantined > 0 && ` · ${folder.counts.quarantined.toLocaleString('en')} in quarantine`}
              </span>
            )}
          </li>
        ))}
      </ul>
      {shown
        .filter(({ role }) => role === 'all')
        .map(({ id, name }) => (
          <Text key={id} size="xs" c="dimmed" mt={4}>
            “{name}” has the mail of the other folders too, archived mail included. Mail that lies in several folders is
            logged once.
          </Text>
        ))}
      {shown.length === 0 && (
        <Text size="sm" c="dimmed">
          No folder has this name.
        </Text>
      )}
    </div>
  );
}
