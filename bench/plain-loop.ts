import { ImapFlow } from 'imapflow';
import { headFields } from '../src/mail/parse-head.ts';
import type { Dovecot } from '../test/servers/dovecot.ts';
import { contacts, type Mails } from './mailbox.ts';

/** A plain imapflow loop over TLS that fetches the same heads and bodies of a folder and keeps nothing; throws unless it saw them all. */
export async function plainLoop(
  dovecot: Dovecot,
  user: string,
  folder: string,
  { count, share }: Pick<Mails, 'count' | 'share'>,
): Promise<void> {
  const wanted = new Set(contacts);
  const client = new ImapFlow({
    host: 'localhost',
    port: dovecot.ports.imaps,
    secure: true,
    auth: { user, pass: 'secret' },
    tls: { ca: dovecot.ca },
    logger: false,
    disableCompression: true,
  });
  await client.connect();
  await client.mailboxOpen(folder, { readOnly: true });
  const query = { uid: true, flags: true, internalDate: true, size: true, headers: headFields };
  let heads = 0;
  let bodies = 0;
  for (let low = 1; low <= count; low += 500) {
    const matches: number[] = [];
    for await (const head of client.fetch(`${low}:${low + 499}`, query, { uid: true })) {
      heads += 1;
      const from = /^from:.*?([^\s<]+@[^\s>]+)/im.exec(head.headers?.toString() ?? '')?.[1];
      if (from && wanted.has(from)) matches.push(head.uid);
    }
    if (matches.length === 0) continue;
    for await (const body of client.fetch(matches.join(','), { uid: true, source: true }, { uid: true }))
      bodies += body.source ? 1 : 0;
  }
  await client.logout();
  if (heads !== count || bodies !== count * share) throw new Error(`the loop saw ${heads} heads and ${bodies} bodies`);
}
