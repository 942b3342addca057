import type { MantineColorScheme } from '@mantine/core';
import { Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconLogout,
  IconMailCog,
  IconMoon,
  IconSelector,
  IconSun,
  IconUser,
} from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { enterAccount, signOut, useMe } from '../api/session.ts';
import { Initials } from '../components/avatar.tsx';
import { sayProblem } from '../components/toast.tsx';
import classes from './shell.module.css';

const schemes = [
  { value: 'auto', label: 'Like the system', icon: IconDeviceDesktop },
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
] as const;

export function ProfileMenu({ onHelp, onFollow }: { onHelp: () => void; onFollow: () => void }) {
  const { user, account, accounts } = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const navigate = useNavigate();
  const client = useQueryClient();

  const enter = async (accountId: string) => {
    try {
      await enterAccount(accountId);
      // Nothing of the other account may stay on the screen.
      window.location.assign('/');
    } catch (error) {
      sayProblem(error, "The account couldn't be opened");
    }
  };
  const leave = async () => {
    try {
      await signOut();
      client.clear();
      await navigate({ to: '/sign-in', search: {} });
    } catch (error) {
      sayProblem(error, "You couldn't be signed out");
    }
  };

  return (
    <Menu position="top-start" width={232} withinPortal={false}>
      <Menu.Target>
        <UnstyledButton className={classes['profile']} title="Profile menu">
          <Initials name={user.name} size={30} />
          <span style={{ minWidth: 0, flex: 1 }}>
            <div className="one-line" style={{ fontWeight: 600, fontSize: '0.875rem' }}>
              {user.name}
            </div>
            <div className={`one-line ${classes['account']}`}>{user.email}</div>
          </span>
          <IconSelector size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} />} onClick={onFollow}>
          Personal profile
        </Menu.Item>
        <Menu.Label>Integrations</Menu.Label>
        <Menu.Item component={Link} to="/profile/email-sync" leftSection={<IconMailCog size={16} />} onClick={onFollow}>
          Email Sync
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>Appearance</Menu.Label>
        <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)}>
          {schemes.map(({ value, label, icon: Icon }) => (
            <Menu.RadioItem key={value} value={value} rightSection={<Icon size={16} />}>
              {label}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        {accounts.length > 1 && (
          <>
            <Menu.Divider />
            <Menu.Label>Account</Menu.Label>
            <Menu.RadioGroup value={account.id} onChange={(id) => void enter(id)}>
              {accounts.map(({ id, name }) => (
                <Menu.RadioItem key={id} value={id}>
                  {name}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
          </>
        )}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={onHelp}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
