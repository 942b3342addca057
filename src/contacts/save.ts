import { sql } from 'kysely';
import { setLabels } from './labels.ts';
import { notify } from '../db/listen.ts';
import type { Db, Trx } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { setAddresses } from './addresses.ts';
import type { ContactDeps, Who } from './deps.ts';
import { loadContact, lockContact } from './load.ts';
import type { Contact } from './load.ts';
import { moveToStage } from './stages.ts';
import { lockContactAddresses } from './match.ts';

/** What of a contact can be written; what is left out stays (or begins empty). */
export interface ContactFields {
  firstName?: string;
  lastName?: string;
  company?: string;
  addresses?: string[];
  ownerId?: string | null;
  stageId?: string | null;
  leadScore?: number;
  tagIds?: string[];
  segmentIds?: string[];
}

/** Makes a contact. Throws AppError 'invalid' (nothing to call it by; an owner, stage, tag or segment that isn't there) and what setAddresses() throws. */
export async function createContact(db: Db, deps: ContactDeps, who: Who, fields: ContactFields): Promise<Contact> {
  return await db.transaction().execute(async (trx) => {
    if (fields.addresses?.length) await lockContactAddresses(trx, who.accountId, 'exclusive');
    await requireMember(trx, who.accountId, fields.ownerId);
    const { id } = await trx
      .insertInto('contact')
      .values({ account_id: who.accountId, ...columns(fields) })
      .returning('id')
      .executeTakeFirstOrThrow();
    return requireName(await write(trx, deps, who, id, fields));
  });
}

/** Changes a contact. Throws AppError 'not_found', 'invalid' and what setAddresses() throws; then nothing has changed. */
export async function updateContact(
  db: Db,
  deps: ContactDeps,
  who: Who,
  contactId: string,
  fields: ContactFields,
): Promise<Contact> {
  return await db.transaction().execute(async (trx) => {
    // The address lock before the row: who finds late mail takes them in this order too.
    if (fields.addresses) await lockContactAddresses(trx, who.accountId, 'exclusive');
    await lockContact(trx, who.accountId, contactId, 'fields');
    await requireMember(trx, who.accountId, fields.ownerId);
    await trx
      .updateTable('contact')
      .set({ ...columns(fields), updated_at: sql<Date>`now()` })
      .where('account_id', '=', who.accountId)
      .where('id', '=', contactId)
      .execute();
    const contact = await write(trx, deps, who, contactId, fields);
    return naming.some((field) => fields[field] !== undefined) ? requireName(contact) : contact;
  });
}

const naming = ['firstName', 'lastName', 'company', 'addresses'] as const;

/** A contact that nothing names can't be found or opened. */
function requireName(contact: Contact): Contact {
  if (naming.some((field) => contact[field].length > 0)) return contact;
  throw new AppError('invalid', 'Enter a name, a company or an address.', {
    details: [{ path: 'firstName', message: 'Enter a name, a company or an address.' }],
  });
}

async function write(
  trx: Trx,
  deps: ContactDeps,
  who: Who,
  contactId: string,
  fields: ContactFields,
): Promise<Contact> {
  const { accountId, userId } = who;
  if (fields.stageId !== undefined) await moveToStage(trx, deps, accountId, [contactId], fields.stageId, userId);
  if (fields.tagIds) await setLabels(trx, 'tag', accountId, contactId, fields.tagIds);
  if (fields.segmentIds) await setLabels(trx, 'segment', accountId, contactId, fields.segmentIds);
  if (fields.addresses) await setAddresses(trx, deps, accountId, [{ contactId, addresses: fields.addresses }]);
  await notify(trx, 'letterlog_change', { accountId, kind: 'contact', contactId });
  return await loadContact(trx, deps, who, contactId);
}

function columns(fields: ContactFields) {
  return {
    ...(fields.firstName === undefined ? {} : { first_name: fields.firstName.trim() }),
    ...(fields.lastName === undefined ? {} : { last_name: fields.lastName.trim() }),
    ...(fields.company === undefined ? {} : { company: fields.company.trim() }),
    ...(fields.ownerId === undefined ? {} : { owner_id: fields.ownerId }),
    ...(fields.leadScore === undefined ? {} : { lead_score: fields.leadScore }),
  };
}

async function requireMember(trx: Trx, accountId: string, userId: string | null | undefined): Promise<void> {
  if (userId === undefined || userId === null) return;
  const member = await trx
    .selectFrom('member')
    .select('user_id')
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (member) return;
  throw new AppError('invalid', "The owner must be a user of this account. Choose one from the account's members.", {
    details: [{ path: 'ownerId', message: 'is no user of this account' }],
  });
}
