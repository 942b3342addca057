import { Button, Paper } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { connectionQuery, signInAgain } from '../../api/connections.ts';
import type { Connection } from '../../api/types.ts';
import { say } from '../../components/toast.tsx';
import { MailboxForm } from './mailbox-form.tsx';

/** Repairs a connection in place: nothing is lost or repeated, and what was missed is caught up. */
export function SignInAgain({ connection }: { connection: Connection }) {
  const client = useQueryClient();
  const needed = connection.state === 'needs_sign_in';
  const [wanted, setWanted] = useState(false);
  const signIn = useMutation({
    mutationFn: (input: Parameters<typeof signInAgain>[1]) => signInAgain(connection.id, input),
    onSuccess: (saved) => {
      client.setQueryData(connectionQuery(saved.id).queryKey, saved);
      void client.invalidateQueries({ queryKey: ['connections'] });
      setWanted(false);
      say('You are signed in. What was missed is caught up.');
    },
  });
  if (!needed && !wanted) {
    return (
      <Button variant="default" mt="sm" onClick={() => setWanted(true)}>
        Sign in again
      </Button>
    );
  }
  return (
    <Paper withBorder p="md" mt="sm">
      <MailboxForm
        settings={connection.settings}
        known
        action="Sign In"
        busy={signIn.isPending}
        error={signIn.error}
        cancel={
          !needed && (
            <Button variant="default" onClick={() => setWanted(false)}>
              Cancel
            </Button>
          )
        }
        onSubmit={(input) => signIn.mutateAsync(input).catch(() => {})}
      />
    </Paper>
  );
}
