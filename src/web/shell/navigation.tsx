import {
  IconBuilding,
  IconChecklist,
  IconHelpCircle,
  IconKey,
  IconMail,
  IconMailOff,
  IconRoute,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { mayAdminister, useMe } from '../api/session.ts';
import classes from './shell.module.css';

interface Entry {
  to: string;
  /** Another screen of the same thing: the entry is marked there, too. */
  also?: string;
  label: string;
  icon: ReactNode;
}

const icon = { size: 18, stroke: 1.7, 'aria-hidden': true } as const;

const work: Entry[] = [
  { to: '/contacts', label: 'Contacts', icon: <IconUsers {...icon} /> },
  { to: '/tasks', label: 'Tasks', icon: <IconChecklist {...icon} /> },
  { to: '/automations', label: 'Automations', icon: <IconRoute {...icon} /> },
];
const email: Entry[] = [
  {
    to: '/administration/email/email-sync',
    also: '/profile/email-sync',
    label: 'Email Sync',
    icon: <IconMail {...icon} />,
  },
  {
    to: '/administration/email/exclusions',
    also: '/profile/email-sync/exclusions',
    label: 'Exclusions',
    icon: <IconMailOff {...icon} />,
  },
  { to: '/administration/email/why', label: 'Why?', icon: <IconHelpCircle {...icon} /> },
];
const myEmailSync: Entry = { to: '/profile/email-sync', label: 'Email Sync', icon: <IconMail {...icon} /> };
const administration: Entry[] = [
  { to: '/administration/users', label: 'Users', icon: <IconUsersGroup {...icon} /> },
  { to: '/administration/api-keys', label: 'API keys', icon: <IconKey {...icon} /> },
  { to: '/administration/account', label: 'Account', icon: <IconBuilding {...icon} /> },
];

function Entries({ entries, onFollow }: { entries: Entry[]; onFollow: () => void }) {
  const pathname = useRouterState({ select: ({ location }) => location.pathname });
  const within = (path: string | undefined) =>
    path !== undefined && (pathname === path || pathname.startsWith(`${path}/`));
  // The longest: one screen lies below another.
  const marked = entries.filter(({ also }) => within(also)).toSorted((a, b) => b.also!.length - a.also!.length)[0];
  return (
    <ul className={classes['list']}>
      {entries.map((entry) => (
        <li key={entry.to}>
          <Link
            to={entry.to}
            className={classes['link']}
            onClick={onFollow}
            {...(entry === marked && { 'data-status': 'active', 'aria-current': 'true' as const })}
          >
            {entry.icon}
            {entry.label}
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The left navigation. `onFollow` closes it on a phone. */
export function Navigation({ onFollow }: { onFollow: () => void }) {
  const me = useMe();
  const admin = mayAdminister(me);
  return (
    <>
      <Entries entries={work} onFollow={onFollow} />
      {admin && (
        <>
          <div className={classes['section']}>Administration · Email</div>
          <Entries entries={email} onFollow={onFollow} />
          <div className={classes['section']}>Administration</div>
          <Entries entries={administration} onFollow={onFollow} />
        </>
      )}
      {!admin && (
        <>
          <div className={classes['section']}>Email</div>
          <Entries entries={[myEmailSync, ...email.slice(1)]} onFollow={onFollow} />
          <div className={classes['section']}>Account</div>
          <Entries entries={administration} onFollow={onFollow} />
        </>
      )}
    </>
  );
}
