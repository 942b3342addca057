import { chown, mkdtemp, open, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { fileBlobs } from '../../src/blobs/file-blobs.ts';
import { createParser } from '../../src/mail/parse-pool.ts';
import { imapRig, makeUsers } from '../conformance/imap-rig.ts';
import { message, pagesOf, ref } from '../conformance/provider-suite.ts';
import { startDovecot } from '../servers/dovecot.ts';
import type { Dovecot } from '../servers/dovecot.ts';

const megabyte = 1024 * 1024;
/** Of the encoded part alone. */
const partMegabytes = 250;
/** Of more memory. Measured with fetching: 124 at a part of 50 MB, 131 at 250, 142 at 600, so it hardly depends on the size. */
const mostMegabytes = 180;
const accountId = '01890000-0000-7000-8000-000000000000';

/** Megabytes by which the process's memory, all its threads included, has risen at most since then. */
function memoryFromNow(): { rise(): number } {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let most = before;
  const look = () => (most = Math.max(most, process.memoryUsage.rss()));
  const watching = setInterval(look, 5);
  return {
    rise() {
      clearInterval(watching);
      return (look() - before) / megabyte;
    },
  };
}

/** Lays a message with one attachment into the Maildir, as a file of its own: no delivery holds it in memory. Answers its bytes. */
async function layLargeMessage(dovecot: Dovecot, user: string): Promise<number> {
  const maildir = dovecot.maildir(user);
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const file = path.join(maildir, 'new', '1700000000.M1.test');
  const handle = await open(file, 'wx');
  await handle.write(
    `From: a@x.example\r\nMessage-ID: ${ref('large')}\r\nSubject: large\r\nMIME-Version: 1.0\r\n` +
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n--b\r\n' +
      'Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n' +
      'Content-Disposition: attachment; filename=all.zip\r\n\r\n',
  );
  const lines = line.repeat(Math.ceil(megabyte / line.length));
  for (let written = 0; written < partMegabytes * megabyte; written += lines.length) await handle.write(lines);
  await handle.write('--b--\r\n');
  await handle.close();
  const { uid, gid } = await stat(maildir);
  await chown(file, uid, gid);
  return (await stat(file)).size;
}

test(`edge case 24: a part of ${partMegabytes} MB is fetched, kept and parsed in bounded memory`, async () => {
  await using dovecot = await startDovecot();
  await makeUsers(dovecot, 1);
  const rig = await imapRig(dovecot);
  const mailbox = await rig.provider.open(rig.settings, rig.credentials);
  const stream = { ref: 'INBOX', folders: ['INBOX'] };
  await rig.append('INBOX', message('first'));
  const start = await mailbox.start(stream);
  const size = await layLargeMessage(dovecot, rig.user);
  const pages = await pagesOf(mailbox, stream, start);
  const [listed] = pages.flatMap((page) => page.listed);
  expect(listed).toMatchObject({ size, head: { subject: 'large' } });

  const folder = await mkdtemp(path.join(os.tmpdir(), 'large-message-'));
  const [blobs, parser] = [fileBlobs(folder), createParser()];
  const fetching = memoryFromNow();
  const began = performance.now();
  try {
    let kept: { key: string; size: number } | null = null;
    for await (const fetched of mailbox.fetch(listed!.places)) {
      if ('failed' in fetched) throw fetched.failed;
      kept = await blobs.put(accountId, fetched.raw);
    }
    const fetchedIn = (performance.now() - began) / 1000;
    const ofFetching = fetching.rise();
    expect(kept!.size).toBe(size);
    const parsing = memoryFromNow();
    const raw: Readable = await blobs.open(accountId, kept!.key);
    const parsed = await parser.parse(raw, 'one');
    const ofParsing = parsing.rise();
    expect(parsed).toMatchObject({ text: expect.stringContaining('Here it is.'), defects: [] });
    expect(parsed.attachments).toMatchObject([{ filename: 'all.zip' }]);
    process.stdout.write(
      `${(size / megabyte).toFixed(0)} MB: fetched and kept in ${fetchedIn.toFixed(1)} s with ${ofFetching.toFixed(0)} MB more memory, ` +
        `parsed in ${((performance.now() - began) / 1000 - fetchedIn).toFixed(1)} s with ${ofParsing.toFixed(0)} MB\n`,
    );
    expect(ofFetching).toBeLessThan(mostMegabytes);
    expect(ofParsing).toBeLessThan(mostMegabytes);
  } finally {
    fetching.rise();
    await Promise.all([parser.close(), mailbox.close(), rig.close()]);
    await rm(folder, { recursive: true });
  }
});
