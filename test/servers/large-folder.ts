import { chown, copyFile, link, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Dovecot } from './dovecot.ts';

/** ext4 allows 65,000 links of a file. */
const mostLinks = 60_000;

/**
 * Fills a user's inbox with so many copies of one message, as hard links in the Maildir, and has Dovecot index them: a million take minutes this way and no room, where
 * a delivery of each takes hours. The mailbox must be empty.
 */
export async function fillInbox(dovecot: Dovecot, user: string, message: string, count: number): Promise<void> {
  await dovecot.doveadm('mailbox', 'status', '-u', user, 'messages', 'INBOX');
  const folder = path.join(dovecot.maildir(user), 'cur');
  await mkdir(folder, { recursive: true });
  const { uid, gid } = await stat(dovecot.maildir(user));
  const size = Buffer.byteLength(message);
  // The sizes in the name save Dovecot from opening each file (https://doc.dovecot.org, Maildir).
  const nameOf = (index: number) => path.join(folder, `${1_700_000_000 + index}.M1.test,S=${size},W=${size}:2,S`);
  let original = nameOf(0);
  await writeFile(original, message);
  await chown(original, uid, gid);
  for (let index = 1; index < count;) {
    if (index % mostLinks === 0) {
      await copyFile(original, nameOf(index));
      original = nameOf(index);
      await chown(original, uid, gid);
      index += 1;
    }
    const until = Math.min(count, index + 1000, (Math.floor(index / mostLinks) + 1) * mostLinks);
    const links = [];
    for (; index < until; index += 1) links.push(link(original, nameOf(index)));
    await Promise.all(links);
  }
  await dovecot.doveadm('index', '-u', user, 'INBOX');
}
