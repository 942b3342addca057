import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mailbox, ProviderError, Stream } from '../../src/providers/provider.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { imapRig, makeUsers } from './imap-rig.ts';
import { idsOf, message, pagesOf, ref } from './provider-suite.ts';

/** Dovecot as it is, and one that has neither NOTIFY nor room for a third connection of a user. */
let dovecot: Dovecot;
let modest: Dovecot;
beforeAll(async () => {
  [dovecot, modest] = await Promise.all([
    startDovecot(),
    startDovecot({
      extra: `imap_capability = IMAP4rev1 LITERAL+ IDLE LIST-EXTENDED LIST-STATUS UIDPLUS
protocol imap {
  mail_max_userip_connections = 3
}`,
    }),
  ]);
  await makeUsers(dovecot, 4);
  await makeUsers(modest, 6);
});
afterAll(() => Promise.all([dovecot[Symbol.asyncDispose](), modest[Symbol.asyncDispose]()]));

const streamsOf = (...folders: string[]): Stream[] => folders.map((folder) => ({ ref: folder, folders: [folder] }));

async function watching(mailbox: Mailbox, streams: Stream[]) {
  const wakes: string[] = [];
  const errors: ProviderError[] = [];
  const stop = await mailbox.watch(
    streams,
    (stream) => wakes.push(stream.ref),
    (error) => errors.push(error),
  );
  await expect.poll(() => wakes).toHaveLength(streams.length);
  wakes.length = 0;
  return { wakes, errors, stop };
}

describe('every chosen folder', () => {
  test('edge case 9: wakes by NOTIFY, all on one connection', async () => {
    await using proxy = await startFaultProxy({ port: dovecot.ports.imaps });
    const rig = await imapRig(dovecot, { pollSeconds: 3600, quietSeconds: 0.1 });
    const folders = ['Archive', 'Sent', 'Verträge & "mehr"', 'INBOX'];
    await rig.createFolder(folders[2]!);
    const mailbox = await rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const { wakes, errors, stop } = await watching(mailbox, streamsOf(...folders));
    await expect.poll(() => proxy.connections()).toBe(1);
    for (const folder of [...folders, ...folders]) {
      wakes.length = 0;
      await rig.append(folder, message(folder.slice(0, 4).trim()));
      await expect.poll(() => wakes).toContain(folder);
      expect(new Set(wakes)).toEqual(new Set([folder]));
    }
    expect(proxy.connections()).toBe(1);
    await stop();
    expect(errors).toEqual([]);
    await mailbox.close();
    await rig.close();
  });

  test('edge case 9: goes on waking after its connection was replaced', async () => {
    const rig = await imapRig(dovecot, { pollSeconds: 3600, settledSeconds: 0 });
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const { wakes, errors, stop } = await watching(mailbox, streamsOf('INBOX', 'Sent'));
    await dovecot.doveadm('kick', rig.user);
    await expect.poll(() => wakes).toContain('INBOX');
    const other = await imapRig(dovecot);
    await dovecot.deliver(message('again'), rig.user.replace('@', '+Sent@'));
    await expect.poll(() => wakes).toContain('Sent');
    await stop();
    expect(errors).toEqual([]);
    await mailbox.close();
    await Promise.all([rig.close(), other.close()]);
  });

  test('without NOTIFY is asked for in one command, on the connection that waits in IDLE', async () => {
    const commands: string[] = [];
    await using proxy = await startFaultProxy({ port: modest.ports.imap }, (chunk, direction) => {
      if (direction === 'up') commands.push(...chunk.toString().trim().split('\r\n'));
    });
    const rig = await imapRig(modest, { pollSeconds: 0.5, quietSeconds: 0.1 });
    const settings = { ...(rig.settings as object), port: proxy.port, security: 'plain' };
    const mailbox = await rig.provider.open(settings, rig.credentials);
    const { wakes, errors, stop } = await watching(mailbox, streamsOf('INBOX', 'Sent', 'Archive', 'Drafts'));
    await expect.poll(() => proxy.connections()).toBe(1);
    commands.length = 0;
    await rig.append('Archive', message('filed'));
    await expect.poll(() => wakes).toEqual(['Archive']);
    const polls = () => commands.filter((line) => / LIST /.test(line)).length;
    await expect.poll(() => polls()).toBeGreaterThan(2);
    expect(commands.filter((line) => !/^DONE$| (?:IDLE|NOOP|LIST "" .*)$/.test(line))).toEqual([]);
    expect(proxy.connections()).toBe(1);
    await stop();
    expect(errors).toEqual([]);
    await mailbox.close();
    await rig.close();
  });

  test('edge case 9: a half-open connection is noticed by what is asked on it', async () => {
    await using proxy = await startFaultProxy({ port: modest.ports.imaps });
    const rig = await imapRig(modest, { refreshSeconds: 3600, pollSeconds: 0.3, timeoutSeconds: 1 });
    const mailbox = await rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const { errors } = await watching(mailbox, streamsOf('INBOX', 'Sent'));
    proxy.faults.stalled = true;
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ kind: 'transient', reason: 'unreachable' });
    await mailbox.close();
    await rig.close();
  });
});

describe('edge case 19: connections of one mailbox', () => {
  test('are one again when the second was not used for a time, however often folders are asked for on the first', async () => {
    await using proxy = await startFaultProxy({ port: modest.ports.imaps });
    const rig = await imapRig(modest, { pollSeconds: 0.1, quietSeconds: 0.5 });
    const mailbox = await rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const [inbox, sent] = streamsOf('INBOX', 'Sent') as [Stream, Stream];
    const { stop } = await watching(mailbox, [inbox, sent]);
    await mailbox.start(sent);
    expect(proxy.connections()).toBe(2);
    await expect.poll(() => proxy.connections()).toBe(1);
    await stop();
    await mailbox.close();
    await rig.close();
  });

  test('are one from the first sign-in on, and a second one only while another folder has something', async () => {
    const commands: string[] = [];
    await using proxy = await startFaultProxy({ port: modest.ports.imap }, (chunk, direction) => {
      if (direction === 'up') commands.push(...chunk.toString().trim().split('\r\n'));
    });
    const signIns = () => commands.filter((line) => / (?:LOGIN|AUTHENTICATE) /.test(line)).length;
    const rig = await imapRig(modest);
    const settings = { ...(rig.settings as object), port: proxy.port, security: 'plain' };
    const mailbox = await rig.provider.open(settings, rig.credentials);
    const [inbox, sent] = streamsOf('INBOX', 'Sent') as [Stream, Stream];
    const [ofInbox, ofSent] = [await mailbox.start(inbox), await mailbox.start(sent)];
    const { errors, stop } = await watching(mailbox, [inbox, sent]);
    expect(await pagesOf(mailbox, inbox, ofInbox)).toEqual([]);
    expect(await pagesOf(mailbox, sent, ofSent)).toEqual([]);
    expect(signIns()).toBe(1);
    await rig.append('Sent', message('sent'));
    expect(idsOf(await pagesOf(mailbox, sent, ofSent))).toEqual([ref('sent')]);
    expect(signIns()).toBe(2);
    await stop();
    expect(errors).toEqual([]);
    await mailbox.close();
    await rig.close();
  });

  test('wait in line where there are as many as the server allows', async () => {
    const rig = await imapRig(dovecot, { slotSeconds: 1 });
    const open = () => rig.provider.open(rig.settings, rig.credentials);
    const mailboxes = await Promise.all(Array.from({ length: 5 }, open));
    await expect(open()).rejects.toMatchObject({ kind: 'transient', message: expect.stringMatching(/All 5 /) });
    const sixth = open();
    await mailboxes[0]!.close();
    expect(await (await sixth).folders()).not.toEqual([]);
    await Promise.all([...mailboxes, await sixth].map((mailbox) => mailbox.close()));
    await rig.close();
  });

  test('are fewer after the server said that it is one too many', async () => {
    await using proxy = await startFaultProxy({ port: modest.ports.imaps });
    // The test's own connection to the mailbox is the third.
    const rig = await imapRig(modest, { slotSeconds: 0.2 });
    const open = () => rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const [first, second] = [await open(), await open()];
    await expect(open()).rejects.toMatchObject({ kind: 'transient', message: expect.stringMatching(/no more/) });
    const before = proxy.bytes.up;
    await expect(open()).rejects.toMatchObject({ kind: 'transient', message: expect.stringMatching(/All 2 /) });
    expect(proxy.bytes.up).toBe(before);
    // A mailbox that gets no connection for IDLE is watched by the one that it has.
    const { stop } = await watching(first, streamsOf('INBOX', 'Sent'));
    await stop();
    await Promise.all([first.close(), second.close()]);
    await rig.close();
  });
});
