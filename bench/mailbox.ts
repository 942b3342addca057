import { execFile } from 'node:child_process';
import { chown, link, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { headFields } from '../src/mail/parse-head.ts';
import { random } from '../test/fixtures/random.ts';
import type { Dovecot } from '../test/servers/dovecot.ts';
import { businessMail } from './business-mail.ts';

/** Whose mail is wanted: 50 addresses. */
export const contacts = Array.from({ length: 50 }, (_, index) => `contact${index}@customer.test`);

export interface Mails {
  count: number;
  /** How much of it is from contacts, 0 to 1. */
  share: number;
  /** The same seed gives the same messages. */
  seed: number;
  /** So many are made anew, which takes long; the others repeat them, each under an id of its own. A divisor of `count`. */
  different?: number;
}

/** Writes messages as files of a Maildir into a folder outside the mailbox, from where fillFolder() links them. */
export async function writeMails(folder: string, user: string, mails: Mails): Promise<void> {
  const { count, share, seed, different = count } = mails;
  const source = random(seed);
  const made: string[] = [];
  await mkdir(folder, { recursive: true });
  const make = (number: number) => {
    // Evenly spread, whatever the share.
    const wanted = Math.floor((number + 1) * share) > Math.floor(number * share);
    const from = wanted ? source.pick(contacts) : `stranger${source.between(1, 400)}@elsewhere.test`;
    return businessMail(source, { from, to: user, id: `${seed}.${number}` });
  };
  for (let number = 0; number < count; number += 1) {
    const message =
      number < different
        ? make(number)
        : made[number % different]!.replace(/<[\d.]+@bench/, `<${seed}.${number}@bench`);
    if (different < count && number < different) made.push(message);
    const lines = message.replaceAll('\r\n', '\n');
    // Dovecot's own names carry the size of the file (S) and that on the wire (W).
    const sizes = `S=${Buffer.byteLength(lines)},W=${Buffer.byteLength(message)}`;
    await writeFile(path.join(folder, `${1_700_000_000 + number}.M${number}P1.bench,${sizes}`), lines);
  }
}

/** Puts the written messages, as received now, into a folder of the mailbox and has the server index them. */
export async function fillFolder(dovecot: Dovecot, user: string, folder: string, from: string): Promise<void> {
  const maildir = path.join(dovecot.maildir(user), `.${folder}`);
  const { uid, gid } = await stat(maildir);
  const now = new Date();
  for (const file of await readdir(from)) {
    await chown(path.join(from, file), uid, gid);
    await utimes(path.join(from, file), now, now);
    await link(path.join(from, file), path.join(maildir, 'new', file));
  }
  await dovecot.doveadm('index', '-u', user, folder);
  // What is still to be written to the disk would be written while others are timed.
  await promisify(execFile)('sync');
}

/** Has the server put the heads of a folder into its cache, as the first client that reads them does. */
export async function cacheHeads(dovecot: Dovecot, user: string, folder: string): Promise<void> {
  const fields = ['uid', 'flags', 'date.received', 'size.virtual', ...headFields.map((name) => `hdr.${name}`)].join(
    ' ',
  );
  await dovecot.doveadm('fetch', '-u', user, fields, 'mailbox', folder, 'all');
}
