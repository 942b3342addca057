import { expect, test } from 'vitest';
import { fillInbox } from '../servers/large-folder.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { imapRig, makeUsers } from '../conformance/imap-rig.ts';
import { message } from '../conformance/provider-suite.ts';

/** `LARGE_FOLDER=1000000 npm run test:long -- large-folder` for the full size; it takes a quarter of an hour. */
const count = Number(process.env.LARGE_FOLDER ?? 100_000);
const megabyte = 1024 * 1024;

test(
  `edge case 20: a folder of ${count} messages is listed in bounded memory, and asked for at the price of a small one`,
  { timeout: 3_600_000 },
  async () => {
    // Dovecot maps the folder's cache of heads into memory, and ends at 256 MB by default.
    await using dovecot = await startDovecot({ extra: 'default_vsz_limit = 4G' });
    await makeUsers(dovecot, 2);
    const small = await imapRig(dovecot);
    const large = await imapRig(dovecot);
    const raw = message('copy').replaceAll(/\r?\n/g, '\r\n');
    await fillInbox(dovecot, large.user, raw, count);
    await fillInbox(dovecot, small.user, raw, 1000);
    const [mailbox, other] = await Promise.all(
      [large, small].map((rig) => rig.provider.open(rig.settings, rig.credentials)),
    );
    const inbox = { ref: 'INBOX', folders: ['INBOX'] };
    const cursor = await mailbox!.start(inbox);
    const otherCursor = await other!.start(inbox);

    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let most = before;
    const look = () => (most = Math.max(most, process.memoryUsage.rss()));
    const seen = new Set<number>();
    const range = { since: new Date(0), cursor, position: null };
    const began = performance.now();
    for await (const page of mailbox!.past({ ref: 'INBOX', name: 'INBOX', role: 'inbox', selectable: true }, range)) {
      for (const { places } of page.listed) seen.add(Number(places[0]!.ref));
      look();
    }
    const seconds = (performance.now() - began) / 1000;
    expect(seen.size).toBe(count);

    const sweep = async (which: typeof mailbox, at: string) => {
      const times: number[] = [];
      for (let turn = 0; turn < 50; turn += 1) {
        const from = performance.now();
        expect(await which!.stale([{ stream: inbox, cursor: at }])).toEqual([]);
        times.push(performance.now() - from);
      }
      return times.sort((a, b) => a - b)[25]!;
    };
    const ofSmall = await sweep(other, otherCursor);
    const ofLarge = await sweep(mailbox, cursor);
    process.stdout.write(
      `${count} messages: listed in ${seconds.toFixed(1)} s, ${((most - before) / megabyte).toFixed(0)} MB more memory; ` +
        `a sweep with nothing new ${ofLarge.toFixed(1)} ms, at 1,000 messages ${ofSmall.toFixed(1)} ms\n`,
    );
    // The set above is the test's own.
    expect(most - before).toBeLessThan(200 * megabyte);
    await Promise.all([mailbox!.close(), other!.close(), large.close(), small.close()]);
  },
);
