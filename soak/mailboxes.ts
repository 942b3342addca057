import { setTimeout as sleep } from 'node:timers/promises';
import { mail, prose } from '../test/fixtures/mail.ts';
import { type Random, random } from '../test/fixtures/random.ts';
import type { Dovecot } from '../test/servers/dovecot.ts';
import type { Database } from './database.ts';

/** Where a copy of a message lies: which mailbox, and which of its folders by their first name. */
interface Copy {
  mailbox: Mailbox;
  folder: string;
}

export interface Delivered {
  messageId: string;
  /** In whose log it has to be: null for mail of strangers. */
  contact: string | null;
  /** Whether an automation has to answer it: a contact sent it. */
  fires: boolean;
  copies: Copy[];
}

export interface Mailbox {
  address: string;
  /** First name of a folder → its name now. */
  names: Map<string, string>;
  uidValidity: number;
}

export const folders = ['INBOX', 'Sent', 'Projects', 'Clients'];
export const contacts = Array.from({ length: 10 }, (_, index) => `contact${index}@customer${index}.test`);

export async function createMailboxes(dovecot: Dovecot, count: number, phase: string): Promise<Mailbox[]> {
  const addresses = Array.from({ length: count }, (_, number) => `rep${number}.${phase}@letterlog.test`);
  // All before the first is used: Dovecot looks at its file of users once a second at most.
  for (const address of addresses) await dovecot.addUser(address);
  for (const address of addresses) await dovecot.doveadm('mailbox', 'create', '-u', address, 'Projects', 'Clients');
  // UIDVALIDITYs above the ones that Dovecot gives itself, which are the time in seconds.
  return addresses.map((address) => ({
    address,
    names: new Map(folders.map((folder) => [folder, folder])),
    uidValidity: 3_000_000_000,
  }));
}

/** What happens in the mailboxes, one thing after the other, until the signal. Fills the manifest. */
export async function useMailboxes(
  dovecot: Dovecot,
  database: Database,
  mailboxes: Mailbox[],
  seed: number,
  manifest: Delivered[],
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const source = random(seed);
  const done: Record<string, number> = { delivered: 0, moved: 0, deleted: 0, renamed: 0, renumbered: 0, leftOut: 0 };
  for (let number = 0; !signal.aborted; number += 1) {
    // As many draws for each act, so that the seed gives the same schedule whatever an act finds.
    const [kind, where, which] = [source.next(), source.pick(mailboxes), source.next()];
    const [folder, pause, inner] = [source.pick(folders), source.between(50, 350), random(source.between(0, 2 ** 31))];
    const act =
      kind < 0.05
        ? 'moved'
        : kind < 0.09
          ? 'deleted'
          : kind < 0.12
            ? 'renamed'
            : kind < 0.15
              ? 'renumbered'
              : 'delivered';
    let happened = true;
    if (act === 'delivered') manifest.push(await deliver(number, where, folder, inner));
    else if (act === 'moved' || act === 'deleted') happened = await take(act, where, folder, which);
    else happened = await change(act, where, folder);
    done[happened ? act : 'leftOut']! += 1;
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
  return done;

  async function deliver(number: number, mailbox: Mailbox, folder: string, draw: Random): Promise<Delivered> {
    const contact = draw.next() < 0.65 ? draw.pick(contacts) : null;
    const sent = folder === 'Sent' && contact !== null;
    const messageId = `soak.${seed}.${number}@test.example`;
    const text = mail({
      from: sent ? mailbox.address : (contact ?? `stranger${number}@elsewhere.test`),
      to: sent ? contact : mailbox.address,
      messageId,
      subject: `Message ${number}`,
      text: `${prose(draw, draw.between(5, 1_500))}\r\n`,
    });
    const copies: Copy[] = [{ mailbox, folder }];
    // Some lie in two folders, some in the mailboxes of two colleagues: one log item and one answer all the same.
    const second = draw.next();
    if (second < 0.04) copies.push({ mailbox, folder: folder === 'Projects' ? 'INBOX' : 'Projects' });
    else if (second < 0.08 && !sent)
      copies.push({ mailbox: draw.pick(mailboxes.filter((one) => one !== mailbox)), folder });
    for (const copy of copies) {
      const name = nameOf(copy);
      await dovecot.deliver(
        text,
        name === 'INBOX' ? copy.mailbox.address : copy.mailbox.address.replace('@', `+${name}@`),
      );
    }
    return { messageId, contact, fires: contact !== null && !sent, copies };
  }

  /**
   * A message leaves its folder only once it is seen in the log: what comes and goes between two looks is on no server any
   * more, and nobody could account for it. Strangers' mail is never in the log and stays.
   */
  async function take(act: 'moved' | 'deleted', mailbox: Mailbox, folder: string, which: number): Promise<boolean> {
    const here = manifest.filter(({ contact, copies }) => contact && copies.some((copy) => copy.mailbox === mailbox));
    const entry = here[Math.floor(which * here.length)];
    const copy = entry?.copies.find((one) => one.mailbox === mailbox);
    if (!entry || !copy || (act === 'moved' && copy.folder === folder)) return false;
    const seen = await database.rows(
      'select from log_item li join message m on m.account_id = li.account_id and m.id = li.message_id where m.internet_message_id = $1',
      [entry.messageId],
    );
    if (seen.length === 0) return false;
    const chosen = ['mailbox', nameOf(copy), 'header', 'message-id', entry.messageId];
    if (act === 'moved') {
      await dovecot.doveadm('move', '-u', mailbox.address, mailbox.names.get(folder)!, ...chosen);
      copy.folder = folder;
    } else {
      await dovecot.doveadm('expunge', '-u', mailbox.address, ...chosen);
      entry.copies.splice(entry.copies.indexOf(copy), 1);
    }
    return true;
  }

  /**
   * A new name or a new UIDVALIDITY, once the product has noticed the folder's last one and has mail of it. A folder that changes
   * both between two looks, or an empty one, is another folder to every client (RFC 9051, section 2.3.1.1).
   */
  async function change(act: 'renamed' | 'renumbered', mailbox: Mailbox, folder: string): Promise<boolean> {
    const name = mailbox.names.get(folder)!;
    if (act === 'renamed' && (folder === 'INBOX' || folder === 'Sent')) return false;
    const validity = (await uidValidities(dovecot, mailbox)).get(name);
    const noticed = await database.rows(
      `select from folder f join connection c on c.account_id = f.account_id and c.id = f.connection_id
      where c.address = $1 and f.ref = $2 and f.gone_at is null and split_part(f.epoch, '.', 1) = $3 and exists (
        select from sighting s where s.folder_id = f.id and s.epoch = f.epoch and s.vanished_at is null and s.superseded_at is null)`,
      [mailbox.address, name, validity],
    );
    if (noticed.length === 0) return false;
    if (act === 'renamed') {
      const next = `${folder}${Number(name.slice(folder.length)) + 1}`;
      await dovecot.doveadm('mailbox', 'rename', '-u', mailbox.address, name, next);
      mailbox.names.set(folder, next);
    } else {
      mailbox.uidValidity += 1;
      await dovecot.doveadm(
        'mailbox',
        'update',
        '-u',
        mailbox.address,
        '--uid-validity',
        `${mailbox.uidValidity}`,
        name,
      );
    }
    return true;
  }
}

const nameOf = ({ mailbox, folder }: Copy) => mailbox.names.get(folder)!;

/** Name of a folder → its UIDVALIDITY, as the server has it. */
export async function uidValidities(dovecot: Dovecot, { address }: Mailbox): Promise<Map<string, string>> {
  const printed = await dovecot.doveadm('-f', 'tab', 'mailbox', 'status', '-u', address, 'uidvalidity', '*');
  return new Map(
    printed
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t') as [string, string]),
  );
}
