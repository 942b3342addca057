import { returnAttempt, takeAttempt } from '../accounts/take-attempt.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';

const windowSeconds = 15 * 60;
/** More wrong passwords than anybody types by mistake, and far fewer than guessing one takes or gets this machine banned by the mail server. */
const perUser = { max: 30, windowSeconds };
/** From all users together. */
const perMailbox = { max: 20, windowSeconds };

/**
 * Signs in to a mailbox with what a user entered. Failures are counted by user, and passwords that the mailbox's server refused by mailbox, so that nobody finds
 * out passwords through this installation. Throws AppError 'rate_limited' for an attempt too many, and what `signIn` throws.
 */
export async function limitedSignIn<T>(
  db: Db,
  viewer: Viewer,
  settings: Record<string, unknown>,
  signIn: () => Promise<T>,
): Promise<T> {
  const keys = { user: `mailbox-sign-in:user:${viewer.userId}`, mailbox: `mailbox-sign-in:${mailboxName(settings)}` };
  // Both before it is tried, so that attempts at the same time can't all pass.
  await takeAttempt(db, keys.user, perUser);
  await takeAttempt(db, keys.mailbox, perMailbox);
  const answer = await signIn().catch(async (error: unknown) => {
    // Where no password was looked at none was guessed, and the mailbox's owner must not be locked out by it.
    if (!(error instanceof AppError && error.code === 'mailbox_refused')) await returnAttempt(db, keys.mailbox);
    throw error;
  });
  for (const key of Object.values(keys)) await returnAttempt(db, key);
  return answer;
}

/**
 * Who is signed in as counts, not the address that the user says it is, and at the host that is asked: another may refuse what it likes.
 * The other names of a server are few, since its certificate must have them.
 */
function mailboxName({ user, host }: Record<string, unknown>): string {
  const server = String(host).trim().toLowerCase().replace(/\.$/, '');
  return `${String(user).trim().toLowerCase()} ${server}`.slice(0, 600);
}
