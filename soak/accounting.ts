import type { Dovecot } from '../test/servers/dovecot.ts';
import type { Database } from './database.ts';
import { type Delivered, type Mailbox, uidValidities } from './mailboxes.ts';

/** Each a list of sentences that name what is wrong; all empty when everything is accounted for. */
export interface Accounting {
  lost: string[];
  twice: string[];
  firedTwice: string[];
  firedNever: string[];
  /** Runs of automations that are not through. */
  unfinished: string[];
}

/** What the mail server and the product's tables say. An entry is a contact's address and a Message-ID. */
export interface Observed {
  /** What lies on the server; `place` as in the ledger. */
  present: { place: string; mailbox: string; folder: string; messageId: string }[];
  /** Place → the states of the rows that count. */
  ledger: Map<string, string[]>;
  /** Entry → how many log items, firings, tasks. */
  log: Map<string, number>;
  firings: Map<string, number>;
  tasks: Map<string, number>;
  /** Runs that are not through. */
  unfinished: string[];
}

/**
 * Compares the manifest of what was delivered, and what the mail server has now, with the product's tables: ledger, log, firings
 * and the tasks that they made. Throws when the server hasn't got what the manifest says.
 */
export function account(manifest: Delivered[], observed: Observed): Accounting {
  const { present, ledger, log, firings, tasks, unfinished } = observed;
  const found: Accounting = { lost: [], twice: [], firedTwice: [], firedNever: [], unfinished };
  const onServer = new Set<string>();
  for (const { place, mailbox, folder, messageId } of present) {
    onServer.add(`${mailbox} ${folder} ${messageId}`);
    const states = ledger.get(place);
    if (!states) found.lost.push(`${messageId}: ${place} is not in the ledger`);
    else if (states.includes('quarantined')) found.lost.push(`${messageId}: ${place} is quarantined`);
    else if (states.length > 1) found.twice.push(`${messageId}: ${place} is in the ledger ${states.length} times`);
  }
  // The server has to have what the manifest says, else the comparison above proves nothing.
  for (const { messageId, copies } of manifest)
    for (const { mailbox, folder } of copies)
      if (!onServer.has(`${mailbox.address} ${mailbox.names.get(folder)} ${messageId}`))
        throw new Error(`The mail server hasn't got ${messageId} in ${mailbox.address}, ${mailbox.names.get(folder)}.`);

  const wanted = new Set(manifest.filter(({ contact }) => contact).map((one) => `${one.contact} ${one.messageId}`));
  for (const entry of wanted) if (!log.has(entry)) found.lost.push(`${messageIdOf(entry)}: not in the log (${entry})`);
  for (const [entry, times] of log)
    if (times > 1 || !wanted.has(entry))
      found.twice.push(`${messageIdOf(entry)}: in the log ${times} times (${entry})`);

  const fires = new Set(manifest.filter((one) => one.fires).map((one) => `${one.contact} ${one.messageId}`));
  for (const entry of new Set([...fires, ...firings.keys(), ...tasks.keys()])) {
    const [fired, made] = [firings.get(entry) ?? 0, tasks.get(entry) ?? 0];
    const most = fires.has(entry) ? 1 : 0;
    const sentence = `${messageIdOf(entry)}: fired ${fired} times, ${made} tasks (${entry})`;
    if (Math.max(fired, made) > most) found.firedTwice.push(sentence);
    else if (Math.min(fired, made) < most) found.firedNever.push(sentence);
  }
  return found;
}

/** Reads what account() compares. */
export async function observe(dovecot: Dovecot, database: Database, mailboxes: Mailbox[]): Promise<Observed> {
  const ledger = await readLedger(database);
  const present: Observed['present'] = [];
  for (const mailbox of mailboxes) present.push(...(await readMailbox(dovecot, mailbox)));
  const log = await count(
    database,
    `select li.matched_address || ' ' || m.internet_message_id as entry from log_item li
    join message m on m.account_id = li.account_id and m.id = li.message_id`,
  );
  const firings = await count(
    database,
    `select ca.address || ' ' || m.internet_message_id as entry from firing f
    join message m on m.account_id = f.account_id and m.id = f.message_id
    join contact_address ca on ca.account_id = f.account_id and ca.contact_id = f.contact_id`,
  );
  const tasks = await count(
    database,
    `select ca.address || ' ' || m.internet_message_id as entry from task t
    join run r on r.account_id = t.account_id and r.id = t.run_id
    join message m on m.account_id = r.account_id and m.id = r.message_id
    join contact_address ca on ca.account_id = t.account_id and ca.contact_id = t.contact_id`,
  );
  const runs = await database.rows<{ id: string; state: string }>(`select id, state from run where state <> 'ended'`);
  return { present, ledger, log, firings, tasks, unfinished: runs.map(({ id, state }) => `run ${id} is ${state}`) };
}

/** How many of the delivered messages have nothing said against them in `lost`. */
export function accountedFor(manifest: Delivered[], { lost }: Accounting): number {
  const missing = new Set(lost.map((sentence) => sentence.split(':')[0]));
  return manifest.filter(({ messageId }) => !missing.has(messageId)).length;
}

const messageIdOf = (entry: string) => entry.split(' ').at(-1)!;

async function count(database: Database, query: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const { entry } of await database.rows<{ entry: string }>(query)) times.set(entry, (times.get(entry) ?? 0) + 1);
  return times;
}

/** Mailbox, folder, UIDVALIDITY and UID → the states of the ledger's rows that count. */
async function readLedger(database: Database): Promise<Map<string, string[]>> {
  const rows = await database.rows<{ place: string; state: string }>(
    `select c.address || ' ' || f.ref || ' ' || split_part(s.epoch, '.', 1) || ' ' || s.ref as place, s.state
    from sighting s join folder f on f.account_id = s.account_id and f.id = s.folder_id
    join connection c on c.account_id = s.account_id and c.id = s.connection_id
    where s.superseded_at is null and s.vanished_at is null and f.gone_at is null`,
  );
  const states = new Map<string, string[]>();
  for (const { place, state } of rows) states.set(place, [...(states.get(place) ?? []), state]);
  return states;
}

async function readMailbox(dovecot: Dovecot, mailbox: Mailbox): Promise<Observed['present']> {
  const validities = await uidValidities(dovecot, mailbox);
  const fields = 'mailbox uid hdr.message-id';
  const printed = await dovecot.doveadm('-f', 'tab', 'fetch', '-u', mailbox.address, fields, 'mailbox', '*', 'all');
  return printed
    .split('\n')
    .slice(1)
    .filter(Boolean)
    .map((line) => {
      const [folder, uid, id] = line.split('\t') as [string, string, string];
      const place = `${mailbox.address} ${folder} ${validities.get(folder) ?? ''} ${uid}`;
      return { place, mailbox: mailbox.address, folder, messageId: id.replace(/^<|>$/g, '') };
    });
}
