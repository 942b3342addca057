import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { connectionsQuery } from '../api/connections.ts';
import { useMe } from '../api/session.ts';
import classes from './shell.module.css';

/** Tells the owner of a mailbox that can't be synced, on every screen, what to do about it. */
export function Trouble() {
  const me = useMe();
  const { data } = useQuery({ ...connectionsQuery('mine'), enabled: me.account.plan !== 'basic' });
  const troubled = data?.filter(({ state }) => state === 'needs_sign_in') ?? [];
  if (troubled.length === 0) return null;
  return (
    <section aria-label="Mailboxes that need you">
      {troubled.map(({ id, address, stateMessage }) => (
        <div key={id} className={classes['banner']}>
          <span>
            Syncing of <strong>{address}</strong> has stopped. {stateMessage ?? 'The server refused the sign-in.'}
          </span>
          <Link to="/profile/email-sync/$connectionId" params={{ connectionId: id }}>
            Sign in again
          </Link>
        </div>
      ))}
    </section>
  );
}
