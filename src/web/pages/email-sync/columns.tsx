import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Scope } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import table from '../../components/table.module.css';
import { count } from '../../time.ts';
import { ListedStatus, statusLabels } from './status.tsx';

export interface Column {
  id: string;
  label: string;
  /** What it is sorted by; null comes last. */
  order: (connection: Connection) => string | number | null;
  /** What the search looks at. */
  words: (connection: Connection) => string;
  show: (connection: Connection) => ReactNode;
}

const chosen = ({ folders }: Connection) => folders.filter((folder) => folder.chosen).map(({ name }) => name);
const none = (text: string) => <span className={table['dim']}>{text}</span>;
const when = (at: string | null, otherwise: string) => (at ? <RelativeTime at={at} /> : none(otherwise));

export const providerNames: Record<string, string> = { imap: 'IMAP' };
export const sharingNames = { everything: 'Everything', private: 'Private' } as const;

/** The collection's columns. The address can't be removed. */
export const columns = (scope: Scope): Column[] => [
  {
    id: 'address',
    label: 'Email address',
    order: ({ address }) => address.toLowerCase(),
    words: ({ address }) => address,
    show: ({ id, address }) => <OpenLink id={id} address={address} scope={scope} />,
  },
  {
    id: 'owner',
    label: 'Owner',
    order: ({ owner }) => owner?.name.toLowerCase() ?? null,
    words: ({ owner }) => owner?.name ?? '',
    show: ({ owner }) => owner?.name ?? none('nobody'),
  },
  {
    id: 'provider',
    label: 'Provider',
    order: ({ provider }) => provider,
    words: ({ provider, settings }) => `${providerNames[provider] ?? provider} ${settings.host}`,
    show: ({ provider, settings }) => <span title={settings.host}>{providerNames[provider] ?? provider}</span>,
  },
  {
    id: 'folders',
    label: 'Folders',
    order: (connection) => chosen(connection).length,
    words: (connection) => chosen(connection).join(' '),
    show: (connection) => {
      const names = chosen(connection);
      if (names.length === 0) return none('none');
      return (
        <span title={names.join('\n')}>{names.length <= 2 ? names.join(', ') : count(names.length, 'folder')}</span>
      );
    },
  },
  {
    id: 'status',
    label: 'Last sync status',
    order: ({ state }) =>
      ['needs_sign_in', 'failing', 'connecting', 'paused', 'catching_up', 'importing', 'active'].indexOf(state),
    words: ({ state, stateMessage, health }) =>
      [statusLabels[state].label, stateMessage, ...health.map(({ message }) => message)].join(' '),
    show: (connection) => <ListedStatus connection={connection} />,
  },
  {
    id: 'lastSynced',
    label: 'Last synced',
    order: ({ lastSyncedAt }) => lastSyncedAt,
    words: () => '',
    show: ({ lastSyncedAt }) => when(lastSyncedAt, 'not yet'),
  },
  {
    id: 'lastAuthenticated',
    label: 'Last authenticated date',
    order: ({ lastAuthenticatedAt }) => lastAuthenticatedAt,
    words: () => '',
    show: ({ lastAuthenticatedAt }) => when(lastAuthenticatedAt, 'never'),
  },
  {
    id: 'sharing',
    label: 'Sharing',
    order: ({ sharing }) => sharing,
    words: ({ sharing }) => sharingNames[sharing],
    show: ({ sharing }) => sharingNames[sharing],
  },
  {
    id: 'started',
    label: 'Connected',
    order: ({ startedAt }) => startedAt,
    words: () => '',
    show: ({ startedAt }) => <RelativeTime at={startedAt} />,
  },
  {
    id: 'logged',
    label: 'Emails logged',
    order: ({ counts }) => counts.logged,
    words: () => '',
    show: ({ counts }) => <span className="tabular">{counts.logged.toLocaleString('en')}</span>,
  },
  {
    id: 'quarantined',
    label: 'In quarantine',
    order: ({ counts }) => counts.quarantined,
    words: () => '',
    show: ({ counts }) => <span className="tabular">{counts.quarantined.toLocaleString('en')}</span>,
  },
];

export const firstColumns = ['address', 'owner', 'provider', 'folders', 'status', 'lastSynced'];

function OpenLink({ id, address, scope }: { id: string; address: string; scope: Scope }) {
  const params = { connectionId: id };
  return scope === 'mine' ? (
    <Link to="/profile/email-sync/$connectionId" params={params} className={table['open']} data-line>
      {address}
    </Link>
  ) : (
    <Link to="/administration/email/email-sync/$connectionId" params={params} className={table['open']} data-line>
      {address}
    </Link>
  );
}
