import { sql } from 'kysely';
import type { Blobs } from '../blobs/blobs.ts';
import type { Db, Trx } from '../db/open.ts';
import { repeating } from '../db/repeat.ts';
import { deleteMessages, eraseStep, messagesOfStep } from './erase-messages.ts';

/** Ledger rows that one transaction deletes. Nobody waits for it. */
const rowsOfStep = 5_000;

/**
 * Erases the sightings of a connection that is marked as erasing, and the messages that no other connection holds, with their log items and blobs. What only this copy's Bcc
 * had matched goes as well: nobody could see it any more. In steps that are transactions of their own; what broke off is finished by doing it again (docs/decisions/0027).
 * `stop` throws its reason before the next step.
 */
export async function eraseLogOfConnection(
  db: Db,
  blobs: Pick<Blobs, 'remove'>,
  accountId: string,
  connectionId: string,
  stop?: AbortSignal,
): Promise<void> {
  const erase = async (messageIds: readonly string[]) =>
    eraseStep(db, blobs, accountId, (trx) => eraseMessages(trx, accountId, connectionId, messageIds), stop);
  const folders = await db
    .selectFrom('folder')
    .select('id')
    .where('account_id', '=', accountId)
    .where('connection_id', '=', connectionId)
    .execute();
  // What people can see goes first.
  for (const { id } of folders) {
    for (let after = start; ;) {
      const rows = await nextLogged(db, accountId, id, after);
      if (rows.length === 0) break;
      await erase(rows.map(({ messageId }) => messageId));
      after = rows.at(-1)!;
    }
  }
  for (;;) {
    const messageIds = await nextWithBcc(db, accountId, connectionId);
    if (messageIds.length === 0) break;
    await erase(messageIds);
  }
  for (const { id } of folders) {
    for (let after: Place | undefined = start; after;) {
      stop?.throwIfAborted();
      after = await deleteUnlogged(db, accountId, id, after);
    }
  }
}

/** Where a walk through the rows of a folder is, so that no step looks once more at what the former ones have deleted. */
interface Place {
  epoch: string;
  ref: string;
}

const start: Place = { epoch: '', ref: '' };

/** Read without the address lock: a folder may have millions of other rows in between. Nothing is logged anew in a connection that is deleted. */
async function nextLogged(db: Db, accountId: string, folderId: string, { epoch, ref }: Place) {
  const { rows } = await sql<Place & { messageId: string }>`
    select epoch, ref, message_id as "messageId" from sighting
    where account_id = ${accountId} and folder_id = ${folderId} and (epoch, ref) > (${epoch}, ${ref}) and message_id is not null
    order by epoch, ref limit ${messagesOfStep}`.execute(db);
  return rows;
}

/** Messages whose Bcc is known from this connection, though it has no row for them any more: its server gave their numbers to others. */
async function nextWithBcc(db: Db, accountId: string, connectionId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct message_id as id from message_participant
    where account_id = ${accountId} and connection_id = ${connectionId} limit ${messagesOfStep}`.execute(db);
  return rows.map(({ id }) => id);
}

async function eraseMessages(
  trx: Trx,
  accountId: string,
  connectionId: string,
  messageIds: readonly string[],
): Promise<string[]> {
  await sql`
    delete from sighting
    where account_id = ${accountId} and connection_id = ${connectionId} and message_id = any(${messageIds}::uuid[])`.execute(
    trx,
  );
  const { rows } = await sql<{ id: string }>`
    select id from message m where account_id = ${accountId} and id = any(${messageIds}::uuid[])
      and not exists (select from sighting other where other.account_id = m.account_id and other.message_id = m.id)`.execute(
    trx,
  );
  const unnamed = await deleteMessages(
    trx,
    accountId,
    rows.map((row) => row.id),
  );
  await sql`
    with gone as (
      delete from message_participant
      where account_id = ${accountId} and message_id = any(${messageIds}::uuid[]) and role = 'bcc' and connection_id = ${connectionId}
      returning account_id, message_id, address, address_key)
    delete from log_item using gone
    where log_item.account_id = gone.account_id and log_item.message_id = gone.message_id and log_item.matched_role = 'bcc'
      and log_item.matched_address in (gone.address, gone.address_key)
      and not exists (select from message_participant kept where kept.account_id = gone.account_id and kept.message_id = gone.message_id
        and kept.role = 'bcc' and kept.connection_id <> ${connectionId}
        and log_item.matched_address in (kept.address, kept.address_key))`.execute(trx);
  return unnamed;
}

/**
 * Deletes the next rows that have no message, with their decisions and exclusions; answers where it came to, undefined at the end. Without the address lock: no page writes
 * to a deleted connection, and late mail isn't looked for in it. In the order of the walk, so that two who erase the same wait for each other.
 */
async function deleteUnlogged(
  db: Db,
  accountId: string,
  folderId: string,
  { epoch, ref }: Place,
): Promise<Place | undefined> {
  const step = sql<Place>`
    with going as (
      select id, epoch, ref from sighting
      where account_id = ${accountId} and folder_id = ${folderId} and (epoch, ref) > (${epoch}, ${ref}) and message_id is null
      order by epoch, ref limit ${rowsOfStep} for update
    ), gone as (
      delete from sighting using going where sighting.account_id = ${accountId} and sighting.id = going.id
    )
    select epoch, ref from going order by epoch desc, ref desc limit 1`;
  const { rows } = await repeating(() => step.execute(db));
  return rows[0];
}
