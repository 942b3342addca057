import { Button, Group, Loader, Modal, Stack, Stepper, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Outage } from '../../api/types.ts';
import { usePhone } from '../../components/use-phone.ts';
import { count } from '../../time.ts';
import { OutageRepair } from './outage-repair.tsx';
import { OutageResult } from './outage-result.tsx';

/**
 * Leads the owner of a mailbox in trouble through it (spec S4): what is wrong, what to do about it, how far the catching up has come, and what the check found.
 * `onClose` is also "Later" and "Done".
 */
export function OutageDialog({ outage, onClose }: { outage: Outage; onClose: () => void }) {
  const phone = usePhone();
  const { phase } = outage;
  return (
    <Modal opened onClose={onClose} title={titleOf(outage)} size="lg" fullScreen={phone}>
      <Stack gap="md">
        <Stepper active={steps.indexOf(phase)} size="xs" hidden={phone} aria-hidden>
          <Stepper.Step label={outage.needsSignIn ? 'Sign in' : 'Reconnect'} />
          <Stepper.Step label="Catch up" />
          <Stepper.Step label="Check" />
        </Stepper>
        {phase === 'out' && <OutageRepair outage={outage} onLater={onClose} />}
        {phase === 'catching_up' && (
          <Progress onClose={onClose}>
            The mailbox is read again. {count(outage.read, 'missed message')} read so far,{' '}
            {outage.logged.toLocaleString('en')} of them from or to your contacts.
          </Progress>
        )}
        {phase === 'checking' && (
          <Progress onClose={onClose}>
            Everything that was missed has been read: {count(outage.read, 'message')},{' '}
            {outage.logged.toLocaleString('en')} of them from or to your contacts. Now the whole mailbox is compared
            with what Letterlog has of it: {count(outage.check?.listed ?? 0, 'message')} so far.
          </Progress>
        )}
        {phase === 'over' && (
          <>
            <OutageResult outage={outage} />
            <Group justify="space-between">
              <Link
                to="/profile/email-sync/$connectionId"
                params={{ connectionId: outage.connection.id }}
                onClick={onClose}
              >
                Open the mailbox’s page
              </Link>
              <Button onClick={onClose} data-autofocus>
                Done
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Modal>
  );
}

const steps = ['out', 'catching_up', 'checking', 'over'];

function titleOf(outage: Outage): string {
  const { address } = outage.connection;
  if (outage.phase === 'out') return outage.needsSignIn ? `Sign in to ${address} again` : `${address} can’t be read`;
  if (outage.phase === 'over') return `${address} is up to date again`;
  return `Catching up with ${address}`;
}

function Progress({ children, onClose }: { children: ReactNode; onClose: () => void }) {
  return (
    <>
      <Group wrap="nowrap" align="flex-start" gap="sm" aria-live="polite">
        <Loader size="sm" aria-hidden mt={2} />
        <Text size="sm" className="tabular">
          {children}
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        You can close this. It goes on by itself, and you will be told the result.
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
      </Group>
    </>
  );
}
