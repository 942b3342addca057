import { setTimeout as sleep } from 'node:timers/promises';
import { createAddressGuard } from '../src/net/guard.ts';
import { imapProvider } from '../src/providers/imap/provider.ts';
import type { Cursor, Stream } from '../src/providers/provider.ts';
import { mail } from '../test/fixtures/mail.ts';
import { type Dovecot, startDovecot } from '../test/servers/dovecot.ts';
import { fillInbox } from '../test/servers/large-folder.ts';
import { type Figure, figure, quantile } from './figure.ts';

const large = 1_000_000;
const small = 1000;
const turns = 100;
/** A mailbox at rest is in IDLE, and Dovecot takes its time to begin it in a large folder. */
const restMs = 700;

/**
 * What it costs to look whether something changed, where nothing has: a sweep over Inbox and Sent of a mailbox that is watched, as the engine asks for it, with so many
 * messages in the inbox. Both in turn; the million are hard links, indexed before.
 */
export async function* run(): AsyncIterable<Figure> {
  // Dovecot maps the folder's index into memory, and ends at 256 MB by default.
  await using dovecot = await startDovecot({ extra: 'default_vsz_limit = 4G' });
  const [ofLarge, ofSmall] = [await sweeper(dovecot, large), await sweeper(dovecot, small)];
  const times = { large: [] as number[], small: [] as number[] };
  const both = [
    ['large', ofLarge],
    ['small', ofSmall],
  ] as const;
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [name, mailbox] of both) {
      // Each after a rest of its own: right after the other it would find the processor awake.
      await sleep(restMs);
      times[name].push(await mailbox.sweep());
    }
  }
  const name = `sweep with nothing new, ${large} messages against ${small}`;
  for (const [point, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
  ] as const) {
    const measured = { ours: quantile(times.large, share), reference: quantile(times.small, share), unit: 'ms' };
    yield point === 'p50'
      ? figure(name, measured, 'less than 1.3 times', (ratio) => ratio < 1.3)
      : figure(`${name}, ${point}`, measured, 'reported', () => true);
  }
  await Promise.all([ofLarge.close(), ofSmall.close()]);
}

async function sweeper(dovecot: Dovecot, count: number) {
  const user = `sweep${count}@letterlog.test`;
  await dovecot.addUser(user);
  await fillInbox(dovecot, user, mail({ from: 'stranger@elsewhere.test', to: user }), count);
  const provider = imapProvider({ guard: createAddressGuard(['localhost', '127.0.0.1']), ca: dovecot.ca });
  const settings = { host: 'localhost', port: dovecot.ports.imaps, security: 'tls', user };
  const mailbox = await provider.open(settings, { password: 'secret' });
  const streams = mailbox.streams((await mailbox.folders()).filter(({ ref }) => ['INBOX', 'Sent'].includes(ref)));
  const known: { stream: Stream; cursor: Cursor }[] = [];
  for (const stream of streams) known.push({ stream, cursor: await mailbox.start(stream) });
  const unwatch = await mailbox.watch(
    streams,
    () => undefined,
    (error) => {
      throw error;
    },
  );
  return {
    async sweep(): Promise<number> {
      const began = performance.now();
      const stale = await mailbox.stale(known);
      if (stale.length > 0) throw new Error(`something is new in ${stale.map(({ ref }) => ref).join()}`);
      return performance.now() - began;
    },
    async close(): Promise<void> {
      await unwatch();
      await mailbox.close();
    },
  };
}
