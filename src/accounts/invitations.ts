import { createHmac, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { findUserByEmail, insertUser, normalEmail, prepareUser } from './create-user.ts';
import { requireRole } from './require-role.ts';
import { deriveKey } from './seal.ts';
import type { Role, Viewer } from './viewer.ts';

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  token: string;
  expiresAt: Date;
}

export interface InvitationOffer {
  id: string;
  accountId: string;
  accountName: string;
  email: string;
  role: Role;
  /** Whether the address has a sign-in here already: it is then accepted by signing in. */
  hasSignIn: boolean;
}

/** The page where an invitation is accepted. */
export function invitationLink(url: string, token: string): string {
  return `${url}/invitation/${token}`;
}

/** An address has one open invitation to an account; a new one takes its place. It lasts 7 days. */
export async function invite(
  db: Db,
  key: Buffer,
  viewer: Viewer,
  input: { email: string; role: Role },
): Promise<Invitation> {
  requireRole(viewer, input.role === 'owner' ? 'owner' : 'admin');
  const email = normalEmail(input.email);
  return db.transaction().execute(async (trx) => {
    const member = await trx
      .selectFrom('member as m')
      .innerJoin('user as u', 'u.id', 'm.user_id')
      .where('m.account_id', '=', viewer.accountId)
      .where('u.email', '=', email)
      .select('u.name')
      .executeTakeFirst();
    if (member) throw new AppError('conflict', `${email} is a member of this account already (${member.name}).`);
    await trx
      .deleteFrom('invitation')
      .where('account_id', '=', viewer.accountId)
      .where(sql`lower(email)`, '=', email)
      .execute();
    const row = await trx
      .insertInto('invitation')
      .values({
        account_id: viewer.accountId,
        email,
        role: input.role,
        inviter_id: viewer.userId,
        expires_at: sql<Date>`now() + interval '7 days'`,
      })
      .returning(['id', 'email', 'role', 'expires_at'])
      .executeTakeFirstOrThrow();
    return present(key, row);
  });
}

/** The account's invitations that were neither accepted nor revoked and last still. Admins only. */
export async function listInvitations(db: Db, key: Buffer, viewer: Viewer): Promise<Invitation[]> {
  requireRole(viewer, 'admin');
  const rows = await db
    .selectFrom('invitation')
    .where('account_id', '=', viewer.accountId)
    .where('expires_at', '>', sql<Date>`now()`)
    // The link to an owner's place is not for admins to use.
    .$if(viewer.role !== 'owner', (query) => query.where('role', '!=', 'owner'))
    .select(['id', 'email', 'role', 'expires_at'])
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map((row) => present(key, row));
}

export async function revokeInvitation(db: Db, viewer: Viewer, id: string): Promise<void> {
  requireRole(viewer, 'admin');
  const row = await db
    .deleteFrom('invitation')
    .where('account_id', '=', viewer.accountId)
    .where('id', '=', id)
    .$if(viewer.role !== 'owner', (query) => query.where('role', '!=', 'owner'))
    .returning('id')
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such invitation.');
}

/** What the link of an invitation offers. Throws AppError 'not_found' for a wrong, expired, revoked or accepted one. */
export async function findInvitation(db: Db | Trx, key: Buffer, token: string): Promise<InvitationOffer> {
  const id = idOfToken(key, token);
  const row =
    id === null
      ? undefined
      : await db
          .selectFrom('invitation as i')
          .innerJoin('account as a', 'a.id', 'i.account_id')
          .where('i.id', '=', id)
          .where('i.expires_at', '>', sql<Date>`now()`)
          .select(['i.id', 'i.account_id', 'a.name', 'i.email', 'i.role'])
          .executeTakeFirst();
  if (!row) {
    throw new AppError('not_found', 'This invitation has expired, was revoked or was accepted already.', {
      hint: 'Ask whoever invited you for a new link.',
    });
  }
  const user = await findUserByEmail(db, row.email);
  return {
    id: row.id,
    accountId: row.account_id,
    accountName: row.name,
    email: row.email,
    role: row.role,
    hasSignIn: user !== undefined,
  };
}

/** Accepts as a new user. Throws 'conflict' when the address has a sign-in already, 'invalid' for a password against the rule. */
export async function acceptAsNewUser(
  db: Db,
  key: Buffer,
  token: string,
  person: { name: string; password: string },
): Promise<InvitationOffer> {
  const offer = await findInvitation(db, key, token);
  const user = await prepareUser({ ...person, email: offer.email, zone: null });
  await db.transaction().execute(async (trx) => {
    await take(trx, offer);
    await join(trx, offer, await insertUser(trx, user));
  });
  return offer;
}

/** Accepts as the signed-in user, whose address must be the invited one. Throws AppError 'forbidden' when it is another. */
export async function acceptAsUser(
  db: Db,
  key: Buffer,
  token: string,
  user: { id: string; email: string },
): Promise<InvitationOffer> {
  const offer = await findInvitation(db, key, token);
  if (normalEmail(user.email) !== normalEmail(offer.email)) {
    throw new AppError('forbidden', `This invitation is for ${offer.email}; you are signed in as ${user.email}.`, {
      hint: 'Sign out, then open the link again.',
    });
  }
  await db.transaction().execute(async (trx) => {
    await take(trx, offer);
    await join(trx, offer, user.id);
  });
  return offer;
}

/** Of two who accept at the same time, one does. */
async function take(trx: Trx, offer: InvitationOffer): Promise<void> {
  const row = await trx
    .deleteFrom('invitation')
    .where('account_id', '=', offer.accountId)
    .where('id', '=', offer.id)
    .returning('id')
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'This invitation was accepted or revoked just now.');
}

async function join(trx: Trx, offer: InvitationOffer, userId: string): Promise<void> {
  await trx
    .insertInto('member')
    .values({ account_id: offer.accountId, user_id: userId, role: offer.role })
    .onConflict((conflict) => conflict.columns(['account_id', 'user_id']).doNothing())
    .execute();
}

function present(key: Buffer, row: { id: string; email: string; role: Role; expires_at: Date }): Invitation {
  return { id: row.id, email: row.email, role: row.role, token: tokenOf(key, row.id), expiresAt: row.expires_at };
}

/** The row's id and its MAC under the installation's key: who reads the database can't make a link of it. */
function tokenOf(key: Buffer, id: string): string {
  return Buffer.concat([idBytes(id), mac(key, id)]).toString('base64url');
}

function idOfToken(key: Buffer, token: string): string | null {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length !== 32) return null;
  const hex = bytes.subarray(0, 16).toString('hex');
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return timingSafeEqual(bytes.subarray(16), mac(key, id)) ? id : null;
}

function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function mac(key: Buffer, id: string): Buffer {
  return createHmac('sha256', deriveKey(key, 'invitation')).update(id).digest().subarray(0, 16);
}
