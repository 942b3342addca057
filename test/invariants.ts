import { sql } from 'kysely';
import type { Db } from '../src/db/open.ts';

/**
 * What must hold of the ledger and the log whatever happened (spec, section 4, invariants 1 to 4), each as a query for the rows that break it. Read from the
 * tables alone, so that any test can ask at any time between transactions.
 */
const broken: Record<string, string> = {
  'no former decision of a row is younger than what it says, or the same': `
    select s.id, s.state, s.rule, d.state as former, d.rule as by from sighting s
    join lateral (select state, rule, at from decision d where d.account_id = s.account_id and d.sighting_id = s.id
      order by d.at desc, d.ctid desc limit 1) d on true
    where d.at > s.decided_at or (d.state, d.rule) = (s.state, s.rule)`,
  'logged + skipped + quarantined = listed, for each folder and epoch': `
    select folder_id, epoch from sighting where superseded_at is null group by folder_id, epoch
    having count(*) <> count(*) filter (where state = 'logged') + count(*) filter (where state = 'skipped') + count(*) filter (where state = 'quarantined')
      or count(*) <> count(distinct ref)`,
  'a folder counts over one epoch': `
    select folder_id from sighting where superseded_at is null group by folder_id having count(distinct epoch) > 1`,
  'folders count as many rows by state as there are': `
    select c.* from (select folder_id, state, count(*) as total from sighting where superseded_at is null group by folder_id, state) s
    full join sighting_count c using (folder_id, state) where coalesce(s.total, 0) <> coalesce(c.total, 0)`,
  'a logged row has a message with a log item': `
    select s.id from sighting s where s.state = 'logged' and not exists (
      select from log_item li where li.account_id = s.account_id and li.message_id = s.message_id)`,
  'a message in the log was seen': `
    select m.id from message m where not exists (
      select from sighting s where s.account_id = m.account_id and s.message_id = m.id)`,
  'a row and its message are of one identity': `
    select s.id from sighting s join message m on m.account_id = s.account_id and m.id = s.message_id where m.identity <> s.identity`,
  'one log item for each (contact, message)': `
    select contact_id, message_id from log_item where message_id is not null group by account_id, contact_id, message_id having count(*) > 1`,
  'only live mail of the sender fired, and history that was asked to': `
    select f.key from firing f join log_item li on li.account_id = f.account_id and li.contact_id = f.contact_id and li.message_id = f.message_id
    where li.direction <> 'received' or li.class <> 'live' and not (li.class = 'history' and exists (
      select from history h where h.account_id = f.account_id and h.fires))`,
  'what is quarantined has a next try': `
    select id from sighting where state = 'quarantined' and due_at is null and superseded_at is null`,
  'skipped mail of a contact is due': `
    select s.id from sighting s
    join contact_address a on a.account_id = s.account_id and a.hash = any(s.strangers)
    join connection c on c.account_id = s.account_id and c.id = s.connection_id
    where s.state = 'skipped' and s.rule in ('no_contact', 'own_addresses_only', 'excluded') and s.due_at is null and s.vanished_at is null
      and s.superseded_at is null
      and not exists (select from connection_address own where own.account_id = a.account_id and own.address_key = a.address_key)
      and not exists (select from exclusion e where e.account_id = a.account_id and e.removed_at is null
        and (e.user_id is null or e.user_id = c.user_id) and (a.address_key = e.value or a.address_key ~ ('[@.]' || e.value || '$')))`,
  'what is skipped as excluded says by which exclusion': `
    select s.id from sighting s where s.rule = 'excluded' and not exists (
      select from sighting_exclusion x where x.account_id = s.account_id and x.sighting_id = s.id)`,
  'only what is not logged keeps hashes': `
    select id from sighting where state = 'logged' and (strangers is not null or blind_strangers is not null)`,
  'who stands in Bcc only is among the strangers': `
    select id from sighting where not coalesce(blind_strangers, '{}') <@ coalesce(strangers, '{}')`,
  'a stranger leaves nothing but hashes': `
    select m.id from message m where not exists (
      select from log_item li where li.account_id = m.account_id and li.message_id = m.id)`,
  'a message and those that it answers are in one thread': `
    select m.id from message m join message parent on parent.account_id = m.account_id
      and (parent.internet_message_id = m.in_reply_to or parent.internet_message_id = any(m.reference_ids))
    where parent.thread_key is distinct from m.thread_key`,
  'a thread has messages': `
    select t.id from thread t where not exists (
      select from message m where m.account_id = t.account_id and m.thread_key = t.key)`,
  'no row without a cursor that covers it': `
    select distinct f.id from sighting s join folder f on f.account_id = s.account_id and f.id = s.folder_id
    join stream st on st.account_id = f.account_id and st.id = f.stream_id where st.cursor is null`,
};

/** Throws with everything that doesn't hold. `partial`: a stream may be in the middle of its first pass. */
export async function checkInvariants(db: Db, options: { partial?: boolean } = {}): Promise<void> {
  const failures: string[] = [];
  for (const [sentence, query] of Object.entries(broken)) {
    if (options.partial && sentence.startsWith('no row without a cursor')) continue;
    const { rows } = await sql.raw(query).execute(db);
    if (rows.length > 0) failures.push(`${sentence}: broken by ${rows.length}, e.g. ${JSON.stringify(rows[0])}`);
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}
