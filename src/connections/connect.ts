import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { requireEmailSync } from '../accounts/plan.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { lockContactAddresses } from '../contacts/match.ts';
import { displayName } from '../contacts/name.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { addressKey } from '../mail/address.ts';
import type { MailboxDeps } from './deps.ts';
import { limitedSignIn } from './limited-sign-in.ts';
import { sealCredentials } from './load.ts';
import { withMailbox } from './open-mailbox.ts';
import { refusePlain } from './plain.ts';
import { surveyMailbox } from './survey.ts';
import type { Survey } from './survey.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

export interface ConnectInput {
  address: string;
  provider: string;
  settings: Record<string, unknown>;
  credentials: Record<string, unknown>;
  sharing: 'everything' | 'private';
}

/**
 * Connects the viewer's mailbox: opens it, makes sure that it is the one asked for, and records every folder with its cursor of now, chosen or not
 * (spec, section 5, Since when). State 'connecting' until folders are chosen. `warnings` names contacts whose address is now an own one. Throws AppError:
 * plan_required, invalid, conflict (connected already), rate_limited, and what withMailbox() throws.
 */
export async function connect(
  db: Db,
  deps: MailboxDeps,
  viewer: Viewer,
  input: ConnectInput,
): Promise<{ connection: Connection; warnings: string[] }> {
  requireEmailSync(viewer);
  const key = addressKey(input.address);
  if (key === null) {
    throw new AppError('invalid', `“${input.address}” is no email address. Write it as name@example.com.`, {
      details: [{ path: 'address', message: 'is no email address' }],
    });
  }
  await refusePlain(deps, input.settings);
  // Before the sign-in only one's own: who has no password for a mailbox needn't learn that it is connected.
  if (await connectedBy(db, viewer.accountId, key, viewer.userId)) throw connectedByYou(input.address);
  // The start is before the first cursor: what arrives in between is new by both measures.
  const startedAt = new Date();
  const survey = await limitedSignIn(db, viewer, input.settings, () =>
    withMailbox(deps, input, (mailbox) => surveyMailbox(mailbox, input.address)),
  );
  const id = randomUUID();
  return await db.transaction().execute(async (trx) => {
    const inserted = await trx
      .insertInto('connection')
      .values({
        account_id: viewer.accountId,
        id,
        user_id: viewer.userId,
        provider: input.provider,
        address: input.address.trim(),
        address_key: key,
        settings: JSON.stringify(input.settings),
        credentials: sealCredentials(deps.sealer, viewer.accountId, id, input.credentials),
        sharing: input.sharing,
        state: 'connecting',
        started_at: startedAt,
        last_authenticated_at: sql<Date>`now()`,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (!inserted) throw alreadyConnected(input.address);
    const warnings = await claimAddresses(trx, viewer.accountId, id, [key, ...survey.aliasKeys]);
    await insertFolders(trx, viewer.accountId, id, survey);
    await notify(trx, 'letterlog_connection', { accountId: viewer.accountId, connectionId: id });
    await notify(trx, 'letterlog_change', { accountId: viewer.accountId, kind: 'connection', connectionId: id });
    return { connection: await viewConnection(trx, viewer.accountId, id), warnings };
  });
}

async function connectedBy(db: Db, accountId: string, key: string, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('connection')
    .select('id')
    .where('account_id', '=', accountId)
    .where('address_key', '=', key)
    .where('user_id', '=', userId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** Makes the addresses own ones. No page may match them as a contact's meanwhile, so this takes the account's address lock. */
async function claimAddresses(trx: Trx, accountId: string, connectionId: string, keys: string[]): Promise<string[]> {
  await lockContactAddresses(trx, accountId, 'exclusive');
  const own = [...new Set(keys)];
  await trx
    .insertInto('connection_address')
    .values(own.map((key) => ({ account_id: accountId, connection_id: connectionId, address_key: key })))
    .execute();
  const contacts = await trx
    .selectFrom('contact_address as a')
    .innerJoin('contact', (join) =>
      join.onRef('contact.account_id', '=', 'a.account_id').onRef('contact.id', '=', 'a.contact_id'),
    )
    .where('a.account_id', '=', accountId)
    .where(sql<boolean>`a.address_key = any(${own}::text[])`)
    .select(['a.address', displayName().as('name')])
    .execute();
  return contacts.map(
    ({ address, name }) =>
      `${address} is also an address of the contact ${name}. It is now an own address, and own addresses never match: ` +
      "from now on its mail doesn't appear in that contact's log.",
  );
}

async function insertFolders(trx: Trx, accountId: string, connectionId: string, survey: Survey): Promise<void> {
  const streamIds = new Map<string, string>();
  if (survey.streams.length > 0) {
    const streams = await trx
      .insertInto('stream')
      .values(
        survey.streams.map(({ stream, cursor }) => ({
          account_id: accountId,
          connection_id: connectionId,
          ref: stream.ref,
          start_cursor: cursor,
        })),
      )
      .returning(['id', 'ref'])
      .execute();
    const ids = new Map(streams.map((row) => [row.ref, row.id]));
    for (const { stream } of survey.streams) {
      for (const folder of stream.folders) streamIds.set(folder, ids.get(stream.ref)!);
    }
  }
  await trx
    .insertInto('folder')
    .values(
      survey.folders.map((folder) => ({
        account_id: accountId,
        connection_id: connectionId,
        stream_id: streamIds.get(folder.ref) ?? null,
        ref: folder.ref,
        name: folder.name,
        role: folder.role,
        selectable: folder.selectable && streamIds.has(folder.ref),
      })),
    )
    .execute();
}

function connectedByYou(address: string): AppError {
  return new AppError('conflict', `You have connected ${address.trim()} already.`, {
    hint: 'Open it under Email Sync: its folders are chosen there, and a new password is entered.',
  });
}

function alreadyConnected(address: string): AppError {
  return new AppError('conflict', `${address.trim()} is already connected in this account.`, {
    hint: 'A mailbox is connected once. Its owner can share it with everybody; an administrator can delete the connection.',
  });
}
