import { ActionBar, Button, Group, Menu, Select, Text, TextInput } from '@mantine/core';
import { useDisclosure, useLocalStorage, useWindowEvent } from '@mantine/hooks';
import {
  IconChecks,
  IconColumns3,
  IconMailOff,
  IconMailPlus,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconSearch,
  IconTrash,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Scope } from '../../api/connections.ts';
import { askForCheck, connectionsQuery, updateConnection } from '../../api/connections.ts';
import { useMe } from '../../api/session.ts';
import type { Connection, ConnectionState } from '../../api/types.ts';
import { Empty } from '../../components/empty.tsx';
import { LoadingRows } from '../../components/loading.tsx';
import { Page } from '../../components/page.tsx';
import { PlanRequired, Problem } from '../../components/problem.tsx';
import { say, sayProblem } from '../../components/toast.tsx';
import { count } from '../../time.ts';
import { newButton, searchBox } from '../../shell/shortcuts.ts';
import { columns, firstColumns } from './columns.tsx';
import { ConnectionTable } from './connection-table.tsx';
import { DeleteConnections } from './delete-connections.tsx';
import { canBeChecked, statusLabels } from './status.tsx';

export const AllConnectionsPage = () => <ConnectionsPage scope="account" />;
export const MyConnectionsPage = () => <ConnectionsPage scope="mine" />;

function ConnectionsPage({ scope }: { scope: Scope }) {
  const me = useMe();
  const { data: connections, error, isPending, refetch } = useQuery(connectionsQuery(scope));
  const basic = me.account.plan === 'basic';
  return (
    <Page
      title="Email Sync"
      crumbs={scope === 'account' ? ['Administration', 'Email'] : ['Personal profile', 'Integrations']}
      intro={
        scope === 'account'
          ? 'Every mailbox connected to this account. Only its owner can sign in to one; you can pause or delete it.'
          : 'Your mailboxes. Email from and to your contacts appears in their Contact Log, seconds after it arrives; mail with anybody else is not stored.'
      }
      actions={
        <>
          <Button
            component={Link}
            to={scope === 'account' ? '/administration/email/exclusions' : '/profile/email-sync/exclusions'}
            variant="default"
            leftSection={<IconMailOff size={16} />}
          >
            Exclusions
          </Button>
          {!basic && (
            <Button component={Link} to="/profile/email-sync/new" leftSection={<IconPlus size={16} />} {...newButton}>
              New Connection
            </Button>
          )}
        </>
      }
    >
      {basic && <PlanRequired />}
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <LoadingRows rows={4} height={42} />}
      {connections && connections.length === 0 && !basic && <NoneYet scope={scope} />}
      {connections && connections.length > 0 && (
        <div style={{ marginTop: basic ? 16 : 0 }}>
          <Collection scope={scope} connections={connections} />
        </div>
      )}
    </Page>
  );
}

function Collection({ scope, connections }: { scope: Scope; connections: Connection[] }) {
  const all = columns(scope);
  const [ids, setIds] = useLocalStorage({ key: `letterlog-columns-${scope}`, defaultValue: firstColumns });
  const shown = all.filter(({ id }) => id === 'address' || ids.includes(id));
  const [q, setQ] = useState('');
  const [state, setState] = useState<ConnectionState | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());

  // As in the original: the search looks at the displayed columns, and commas mean "or".
  const wanted = q
    .toLowerCase()
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);
  const visible = connections.filter((connection) => {
    if (state && connection.state !== state) return false;
    const words = shown
      .map((column) => column.words(connection))
      .join(' ')
      .toLowerCase();
    return wanted.length === 0 || wanted.some((word) => words.includes(word));
  });
  const selected = visible.filter(({ id }) => chosen.has(id));
  return (
    <>
      <Group component="search" gap="xs" mb={10}>
        <TextInput
          type="search"
          aria-label="Search connections"
          placeholder="Search the columns shown"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={q}
          onChange={(event) => setQ(event.currentTarget.value)}
          style={{ flex: '1 1 220px', maxWidth: 380 }}
          {...searchBox}
        />
        <Select
          aria-label="Last sync status"
          placeholder="Any status"
          clearable
          clearButtonProps={{ 'aria-label': 'Any status' }}
          w={170}
          data={Object.entries(statusLabels).map(([value, { label }]) => ({ value, label }))}
          value={state}
          onChange={(value) => setState(value as ConnectionState | null)}
        />
        <Menu>
          <Menu.Target>
            <Button variant="default" size="sm" leftSection={<IconColumns3 size={16} />}>
              Columns
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {all
              .filter(({ id }) => id !== 'address')
              .map(({ id, label }) => (
                <Menu.CheckboxItem
                  key={id}
                  checked={ids.includes(id)}
                  onChange={(checked) => setIds(checked ? [...ids, id] : ids.filter((one) => one !== id))}
                >
                  {label}
                </Menu.CheckboxItem>
              ))}
          </Menu.Dropdown>
        </Menu>
      </Group>
      {visible.length === 0 ? (
        <Empty icon={<IconSearch size={24} />} title="No connection fits">
          The search looks at the displayed columns; commas mean “or”.
        </Empty>
      ) : (
        <ConnectionTable scope={scope} connections={visible} columns={shown} chosen={chosen} onChoose={setChosen} />
      )}
      <Actions selected={selected} onDone={() => setChosen(new Set())} />
    </>
  );
}

function Actions({ selected, onDone }: { selected: Connection[]; onDone: () => void }) {
  const client = useQueryClient();
  const [deleting, { open, close }] = useDisclosure(false);
  const pausable = selected.filter(({ state }) => state !== 'paused' && state !== 'connecting');
  const paused = selected.filter(({ state }) => state === 'paused');
  const checkable = selected.filter(canBeChecked);

  // An Escape that was pressed in a dialog was for it, though it has closed by the time that the key comes by here.
  useWindowEvent('keydown', (event) => {
    if (event.key !== 'Escape' || event.isComposing || deleting || selected.length === 0) return;
    if (!(event.target instanceof Element && event.target.closest('[role="dialog"]'))) onDone();
  });

  const check = async () => {
    try {
      for (const { id } of checkable) await askForCheck(id);
      say(
        `${count(checkable.length, 'mailbox', 'mailboxes')} will be checked. The result is on the connection's page.`,
      );
      onDone();
    } catch (error) {
      sayProblem(error);
    }
  };

  const pause = async (connections: Connection[], to: boolean) => {
    try {
      for (const { id } of connections) await updateConnection(id, { paused: to });
      const words = count(connections.length, 'connection');
      say(
        to ? `${words} paused.` : `${words} resumed. What was missed is caught up.`,
        () => void pause(connections, !to),
      );
      onDone();
    } catch (error) {
      sayProblem(error);
    } finally {
      void client.invalidateQueries({ queryKey: ['connections'] });
    }
  };
  return (
    <>
      <ActionBar opened={selected.length > 0} onClose={onDone} aria-label="Actions on the selected">
        <Text size="sm" px={4}>
          {selected.length} selected
        </Text>
        <ActionBar.Divider />
        {pausable.length > 0 && (
          <Button
            variant="subtle"
            leftSection={<IconPlayerPause size={16} />}
            onClick={() => void pause(pausable, true)}
          >
            Pause
          </Button>
        )}
        {checkable.length > 0 && (
          <Button variant="subtle" leftSection={<IconChecks size={16} />} onClick={() => void check()}>
            Check mailbox
          </Button>
        )}
        {paused.length > 0 && (
          <Button variant="subtle" leftSection={<IconPlayerPlay size={16} />} onClick={() => void pause(paused, false)}>
            Resume
          </Button>
        )}
        <Button variant="subtle" color="red" leftSection={<IconTrash size={16} />} onClick={open}>
          Delete
        </Button>
        <ActionBar.CloseButton aria-label="Select none" />
      </ActionBar>
      <DeleteConnections connections={selected} opened={deleting} onClose={close} onDeleted={onDone} />
    </>
  );
}

function NoneYet({ scope }: { scope: Scope }) {
  return (
    <Empty
      icon={<IconMailPlus size={24} />}
      title={scope === 'mine' ? 'Connect your mailbox' : 'No mailbox is connected'}
      action={
        <Button component={Link} to="/profile/email-sync/new">
          New Connection
        </Button>
      }
    >
      Enter your email address, sign in, and tick the folders to sync. Letterlog only reads: nothing in your mailbox is
      changed, and only mail with your contacts is stored.
    </Empty>
  );
}
