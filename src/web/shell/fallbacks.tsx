import { Button, Center, Loader } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconError404, IconPlugConnectedX } from '@tabler/icons-react';
import { Link, useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { ProblemError } from '../api/request.ts';
import { Empty } from '../components/empty.tsx';
import { described } from '../components/problem.tsx';

/** The screen of an address that leads nowhere. */
export function NotFound() {
  useDocumentTitle('Not found · Letterlog');
  return (
    <Empty
      order={1}
      icon={<IconError404 size={26} />}
      title="There is nothing at this address"
      action={
        <Button component={Link} to="/contacts">
          Go to Contacts
        </Button>
      }
    >
      It may have been deleted, or the link may be incomplete.
    </Empty>
  );
}

/** What a screen shows when it can't be shown. */
export function Crashed({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  const { message, hint } = described(error);
  const signedOut = error instanceof ProblemError && error.status === 401;
  // The session ended while the page was open: sign in, and come back here.
  useEffect(() => {
    if (signedOut)
      void router.navigate({ to: '/sign-in', search: { next: router.state.location.href }, replace: true });
  }, [signedOut, router]);
  if (signedOut) return <Waiting />;
  return (
    <Empty
      icon={<IconPlugConnectedX size={26} />}
      title={message}
      action={
        <Button
          onClick={() => {
            reset();
            void router.invalidate();
          }}
        >
          Try again
        </Button>
      }
    >
      {hint}
    </Empty>
  );
}

export function Waiting() {
  return (
    <Center mih="60vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}
