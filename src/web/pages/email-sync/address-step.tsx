import { Alert, Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { connectionsQuery, detect } from '../../api/connections.ts';
import { useMe } from '../../api/session.ts';
import type { Connection, Detected } from '../../api/types.ts';
import { Problem, fieldErrors } from '../../components/problem.tsx';

const folded = (address: string) => address.trim().toLowerCase();

/** The first step of a new connection: whose mailbox, and where it lies. */
export function AddressStep({ onFound }: { onFound: (address: string, detected: Detected) => void }) {
  const me = useMe();
  const client = useQueryClient();
  const form = useForm({ initialValues: { address: me.user.email } });
  const find = useMutation({
    mutationFn: async ({ address }: { address: string }) => {
      // Before anybody types a password for nothing. The server goes by more than the letters, and has the last word.
      const mine = await client.fetchQuery(connectionsQuery('mine'));
      const there = mine.find((connection) => folded(connection.address) === folded(address));
      return { there, detected: there ? null : await detect(address.trim()) };
    },
    onSuccess: ({ detected }, { address }) => detected && onFound(address.trim(), detected),
  });
  const errors = fieldErrors(find.error, ['address']);
  return (
    <form onSubmit={form.onSubmit((values) => find.mutate(values))}>
      <Stack>
        <TextInput
          label="Email address"
          description="The mailbox to connect. You will sign in to it; Letterlog only reads and changes nothing there."
          type="email"
          required
          autoFocus
          {...form.getInputProps('address')}
          error={errors.fields.address}
        />
        <Problem error={errors.rest} />
        {find.data?.there && <There connection={find.data.there} />}
        <Group justify="flex-end">
          <Button variant="default" component={Link} to="/profile/email-sync">
            Cancel
          </Button>
          <Button type="submit" loading={find.isPending}>
            Sign In
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Leads on to a mailbox that one has connected before. */
function There({ connection: { id, address, state } }: { connection: Connection }) {
  return (
    <Alert color="yellow" variant="light" py="xs" role="alert">
      You have connected {address} already.{' '}
      {state === 'connecting' ? (
        <Link to="/profile/email-sync/new" search={{ connection: id }}>
          Choose its folders
        </Link>
      ) : (
        <Link to="/profile/email-sync/$connectionId" params={{ connectionId: id }}>
          Open it
        </Link>
      )}
    </Alert>
  );
}
