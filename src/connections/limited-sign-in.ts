import { returnAttempt, takeAttempt } from '../accounts/take-attempt.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';

const windowSeconds = 15 * 60;
/** More wrong passwords than anybody types by mistake, and far fewer than guessing one takes or gets this machine banned by the mail server. */
const perUser = { max: 30, windowSeconds };
/** From all users together. */
const perMailbox = { max: 20, windowSeconds };

/**
 * Signs in to a mailbox with what a user entered. Failures are counted by user and by mailbox, so that nobody finds out passwords through this installation; what
 * succeeds isn't. Throws AppError 'rate_limited' for an attempt too many, and what `signIn` throws.
 */
export async function limitedSignIn<T>(
  db: Db,
  viewer: Viewer,
  settings: Record<string, unknown>,
  signIn: () => Promise<T>,
): Promise<T> {
  const keys = { user: `mailbox-sign-in:user:${viewer.userId}`, mailbox: `mailbox-sign-in:${mailboxName(settings)}` };
  await takeAttempt(db, keys.user, perUser);
  await takeAttempt(db, keys.mailbox, perMailbox);
  const answer = await signIn();
  for (const key of Object.values(keys)) await returnAttempt(db, key);
  return answer;
}

/** Who is signed in as counts, not the address that the user says it is. One name at many hosts is many mailboxes unless it is an address. */
function mailboxName({ user, host }: Record<string, unknown>): string {
  const name = String(user).trim().toLowerCase();
  return (name.includes('@') ? name : `${name} ${String(host).toLowerCase()}`).slice(0, 600);
}
