import { AppShell, Burger, ScrollArea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet } from '@tanstack/react-router';
import { useCallback } from 'react';
import { useMe } from '../api/session.ts';
import { Logo } from '../components/logo.tsx';
import { useLiveUpdates } from '../live.ts';
import { KeyboardHelp } from './help.tsx';
import { Navigation } from './navigation.tsx';
import { ProfileMenu } from './profile-menu.tsx';
import classes from './shell.module.css';
import { useShortcuts } from './shortcuts.ts';
import { Trouble } from './trouble.tsx';

/** What stands around every screen of somebody who is signed in. */
export function Shell() {
  const { account } = useMe();
  const [open, { toggle, close }] = useDisclosure(false);
  const [help, helpHandlers] = useDisclosure(false);
  useLiveUpdates();
  useShortcuts(useCallback(() => helpHandlers.open(), [helpHandlers]));

  return (
    <AppShell
      header={{ height: { base: 50, sm: 0 } }}
      navbar={{ width: 236, breakpoint: 'sm', collapsed: { mobile: !open } }}
      transitionDuration={150}
    >
      <a href="#main" className="skip-link">
        Skip to the content
      </a>
      <AppShell.Header className={classes['header']} hiddenFrom="sm">
        <Burger opened={open} onClick={toggle} size="sm" aria-label={open ? 'Close navigation' : 'Open navigation'} />
        <Logo />
        <span className={classes['product']}>Letterlog</span>
      </AppShell.Header>
      <AppShell.Navbar className={classes['navbar']} aria-label="Main">
        <AppShell.Section visibleFrom="sm">
          <Link to="/contacts" className={classes['brand']}>
            <Logo size={28} />
            <span style={{ minWidth: 0 }}>
              <div className={classes['product']}>Letterlog</div>
              <div className={`one-line ${classes['account']}`}>{account.name}</div>
            </span>
          </Link>
        </AppShell.Section>
        <AppShell.Section grow component={ScrollArea} type="auto">
          <Navigation onFollow={close} />
        </AppShell.Section>
        <AppShell.Section pt={8}>
          <ProfileMenu onHelp={helpHandlers.open} onFollow={close} />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: 'none' }}>
        <Trouble />
        <Outlet />
      </AppShell.Main>
      <KeyboardHelp opened={help} onClose={helpHandlers.close} />
    </AppShell>
  );
}
