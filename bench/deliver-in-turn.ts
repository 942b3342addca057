import { setTimeout as sleep } from 'node:timers/promises';
import { mail } from '../test/fixtures/mail.ts';
import { connectMailbox } from '../test/servers/api-client.ts';
import type { Dovecot } from '../test/servers/dovecot.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { contacts } from './mailbox.ts';
import type { Product } from './product.ts';

const everyMs = 100;

/** Resolves when something of the connection comes into the log next. */
export type Logged = (connectionId: string) => Promise<void>;

/** What comes into the logs from now on. */
export async function watchLogs({ sql }: Product): Promise<Logged> {
  const waiting = new Map<string, () => void>();
  sql.on('notification', ({ payload }) => {
    const { kind, connectionId } = JSON.parse(payload ?? '{}') as { kind?: string; connectionId?: string };
    if (kind === 'log' && connectionId !== undefined) waiting.get(connectionId)?.();
  });
  await sql.query('listen letterlog_change');
  return (connectionId) => new Promise((resolve) => waiting.set(connectionId, resolve));
}

/** Connects the inboxes that get live mail, their contacts known; answers the connections' ids by user. */
export async function connectInboxes(
  { api }: Product,
  dovecot: Dovecot,
  users: string[],
): Promise<Map<string, string>> {
  for (const address of contacts) await api.post('/contacts', { addresses: [address] });
  const ids = new Map<string, string>();
  for (const user of users) {
    const mailbox = { address: user, password: 'secret', host: 'localhost', port: dovecot.ports.imaps };
    ids.set(user, (await connectMailbox(api, mailbox, ['INBOX'])).id);
  }
  return ids;
}

/** How long live mail took into the log while something went on, against quiet; in ms. */
export function* liveMail(during: string, busy: number[], quiet: number[]): Iterable<Figure> {
  for (const [name, point] of [
    ['p95', 0.95],
    ['p50', 0.5],
  ] as const) {
    const measured = { ours: quantile(busy, point), reference: quantile(quiet, point), unit: 'ms' };
    yield figure(`live mail, ${name}, ${during}`, measured, 'at most twice', (ratio) => ratio <= 2);
  }
}

/** Delivers to one mailbox after the other until it is enough; answers how long each message took into the log, in ms. */
export async function deliverInTurn(
  dovecot: Dovecot,
  ids: ReadonlyMap<string, string>,
  logged: Logged,
  enough: (count: number) => Promise<boolean>,
): Promise<number[]> {
  const times: number[] = [];
  const under = new Map<string, Promise<void>>();
  const users = [...ids.keys()];
  for (let count = 0; !(await enough(count)); count += 1) {
    const user = users[count % users.length] as string;
    await under.get(user);
    const seen = logged(ids.get(user) as string);
    const began = performance.now();
    under.set(
      user,
      dovecot
        .deliver(mail({ from: contacts[count % contacts.length] as string, to: user }), user)
        .then(() => Promise.race([seen, lost()]))
        .then(() => void times.push(performance.now() - began)),
    );
    await sleep(everyMs);
  }
  await Promise.all(under.values());
  return times;
}

async function lost(): Promise<never> {
  await sleep(120_000, undefined, { ref: false });
  throw new Error('A message was not in the log within two minutes.');
}
