import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../src/providers/provider.ts';
import { mail } from '../fixtures/mail.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { imapRig, makeUsers } from './imap-rig.ts';
import { fetchAll, idsOf, longAgo, message, pagesOf, ref } from './provider-suite.ts';

let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot({ certificateFor: ['localhost'] });
  await makeUsers(dovecot, 20);
});
afterAll(() => dovecot[Symbol.asyncDispose]());

describe('on a real server', () => {
  test('names of folders may be anything', async () => {
    const rig = await imapRig(dovecot);
    const names = [
      'Ordner/Größe',
      'a b  c',
      '日本語',
      'R&D',
      'it\'s "quoted"',
      'per%cent *',
      'INBOX/below',
      '[square]',
      'back\\slash',
    ];
    for (const name of names) await rig.createFolder(name);
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const folders = await mailbox.folders();
    expect(folders.map((folder) => folder.ref)).toEqual(expect.arrayContaining(names));
    const streams = mailbox.streams(folders.filter((folder) => names.includes(folder.ref)));
    const cursors = await Promise.all(streams.map((stream) => mailbox.start(stream)));
    for (const stream of streams) await rig.append(stream.ref, message(stream.ref.replace(/\W/g, '')));
    const stale = await mailbox.stale(streams.map((stream, index) => ({ stream, cursor: cursors[index]! })));
    expect(stale).toHaveLength(names.length);
    for (const [index, stream] of streams.entries())
      expect(idsOf(await pagesOf(mailbox, stream, cursors[index]!))).toEqual([ref(stream.ref.replace(/\W/g, ''))]);
    await mailbox.close();
    await rig.close();
  });

  test('50 MB are fetched with little memory', async () => {
    const rig = await imapRig(dovecot);
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const start = await mailbox.start(stream);
    const body = 'All work and no play makes Jack a dull boy, said the letter.\r\n'.repeat(800_000);
    await rig.append('INBOX', message('small'));
    await rig.append('INBOX', `Subject: large\r\nMessage-ID: <large@x.example>\r\n\r\n${body}`);
    await rig.append('INBOX', message('last'));
    const places = (await pagesOf(mailbox, stream, start)).flatMap((page) => page.listed.map((row) => row.places[0]!));
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let most = before;
    const sizes: number[] = [];
    for await (const fetched of mailbox.fetch(places)) {
      if ('failed' in fetched) throw fetched.failed;
      let size = 0;
      for await (const chunk of fetched.raw) {
        size += (chunk as Buffer).length;
        most = Math.max(most, process.memoryUsage.rss());
      }
      sizes.push(size);
    }
    expect(sizes[1]).toBe(body.length + 'Subject: large\r\nMessage-ID: <large@x.example>\r\n\r\n'.length);
    expect(sizes).toHaveLength(3);
    expect(most - before).toBeLessThan(100 * 1024 * 1024);
    await mailbox.close();
    await rig.close();
  });

  test('what a listing told of a message is not asked for again', async () => {
    const commands: string[] = [];
    await using proxy = await startFaultProxy({ port: dovecot.ports.imap }, (chunk, direction) => {
      if (direction === 'up') commands.push(...chunk.toString().trim().split('\r\n'));
    });
    const rig = await imapRig(dovecot);
    const settings = { ...(rig.settings as object), port: proxy.port, security: 'plain' };
    const mailbox = await rig.provider.open(settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const start = await mailbox.start(stream);
    for (const id of ['a', 'b']) await rig.append('INBOX', message(id));
    const [page] = await pagesOf(mailbox, stream, start);
    const places = page!.listed.map(({ places: [place], size, receivedAt }) => ({ ...place!, size, receivedAt }));
    commands.length = 0;
    expect(await fetchAll(mailbox, places)).toMatchObject([{ raw: expect.any(Buffer) }, { raw: expect.any(Buffer) }]);
    expect(commands.filter((line) => line.includes(' FETCH '))).toMatchObject([expect.stringContaining('BODY.PEEK[]')]);
    // One that is gone by then is told to be.
    await dovecot.doveadm('expunge', '-u', rig.user, 'mailbox', 'INBOX', 'uid', places[0]!.ref);
    expect(await fetchAll(mailbox, places)).toMatchObject([{ failed: { kind: 'gone' } }, { raw: expect.any(Buffer) }]);
    await mailbox.close();
    await rig.close();
  });

  test('a message that is deleted while it is being read is told to be gone', async () => {
    const rig = await imapRig(dovecot);
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const start = await mailbox.start(stream);
    const large = 'x'.repeat(70).concat('\r\n').repeat(60_000);
    for (const id of ['a', 'b'])
      await rig.append('INBOX', mail({ from: 'a@x.example', to: 'b@x.example', messageId: ref(id), text: large }));
    const places = (await pagesOf(mailbox, stream, start)).flatMap((page) => page.listed.map((row) => row.places[0]!));
    const answers: string[] = [];
    for await (const fetched of mailbox.fetch(places)) {
      if ('failed' in fetched) answers.push(fetched.failed.kind);
      else if (answers.length === 0) {
        await dovecot.doveadm('expunge', '-u', rig.user, 'mailbox', 'INBOX', 'all');
        answers.push(
          await buffer(fetched.raw).then(
            () => 'read',
            (error: ProviderError) => error.kind,
          ),
        );
      }
    }
    expect(answers[0]).toMatch(/gone|read/);
    expect(answers.slice(1)).toEqual(['gone']);
    await mailbox.close();
    await rig.close();
  });

  test('a watch outlives the end of its connection', async () => {
    const rig = await imapRig(dovecot, { settledSeconds: 0 });
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const wakes: string[] = [];
    const stop = await mailbox.watch(
      [stream],
      (woken) => wakes.push(woken.ref),
      (error) => wakes.push(error.message),
    );
    await expect.poll(() => wakes).toHaveLength(1);
    await dovecot.doveadm('kick', rig.user);
    await expect.poll(() => wakes).toEqual(['INBOX', 'INBOX']);
    await dovecot.doveadm('mailbox', 'status', '-u', rig.user, 'messages', 'INBOX');
    await stop();
    await mailbox.close();
    await rig.close();
  });

  test('a connection that ends soon after it began ends the watch, not the mailbox', async () => {
    const rig = await imapRig(dovecot, { timeoutSeconds: 2 });
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const errors: ProviderError[] = [];
    const wakes: string[] = [];
    await mailbox.watch(
      [stream],
      (woken) => wakes.push(woken.ref),
      (error) => errors.push(error),
    );
    await expect.poll(() => wakes).toHaveLength(1);
    await dovecot.doveadm('kick', rig.user);
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ kind: 'transient' });
    expect(await mailbox.folders()).not.toEqual([]);
    await mailbox.close();
    await rig.close();
  });

  test('edge case 9: a connection that is dead without a sign is found out', async () => {
    await using proxy = await startFaultProxy({ port: dovecot.ports.imaps });
    const rig = await imapRig(dovecot, { refreshSeconds: 0.5, timeoutSeconds: 1 });
    const mailbox = await rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const errors: ProviderError[] = [];
    const wakes: string[] = [];
    await mailbox.watch(
      [stream],
      (woken) => wakes.push(woken.ref),
      (error) => errors.push(error),
    );
    await expect.poll(() => wakes).toHaveLength(1);
    // Some refreshes of the quiet connection go by.
    const before = proxy.bytes.up;
    await expect.poll(() => proxy.bytes.up).toBeGreaterThan(before + 200);
    expect(errors).toEqual([]);
    proxy.faults.stalled = true;
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ kind: 'transient', reason: 'unreachable' });
    await expect(mailbox.folders()).rejects.toMatchObject({ kind: 'transient' });
    proxy.faults.stalled = false;
    expect(await mailbox.folders()).not.toEqual([]);
    await mailbox.close();
    await rig.close();
  });

  test('a line that is cut again and again in the middle of a listing loses nothing', async () => {
    await using proxy = await startFaultProxy({ port: dovecot.ports.imaps });
    const rig = await imapRig(dovecot);
    const mailbox = await rig.provider.open({ ...(rig.settings as object), port: proxy.port }, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    let cursor = await mailbox.start(stream);
    const sent = Array.from({ length: 60 }, (_, index) => `m${index}`);
    for (const id of sent) await rig.append('INBOX', message(id, 'x'.repeat(3000)));
    const listed: (string | null)[] = [];
    const raw: string[] = [];
    for (let cuts = 0; listed.length < sent.length; cuts += 1) {
      expect(cuts).toBeLessThan(50);
      proxy.faults.cutAfter = 20_000 + 7_000 * cuts;
      try {
        for await (const page of mailbox.changes(stream, cursor, longAgo)) {
          const answers = await fetchAll(
            mailbox,
            page.listed.map((row) => row.places[0]!),
          );
          if (answers.some((answer) => !answer.raw)) throw new ProviderError('transient', 'not all');
          raw.push(...answers.map((answer) => answer.raw!.toString()));
          listed.push(...idsOf([page]));
          cursor = page.cursor;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProviderError);
        expect(error).toMatchObject({ kind: 'transient' });
      }
    }
    expect(listed).toEqual(sent.map(ref));
    expect(raw.every((text, index) => text.includes(`<${ref(sent[index]!)}>`) && text.length > 3000)).toBe(true);
    proxy.faults.cutAfter = null;
    await mailbox.close();
    await rig.close();
  });

  test('more folders than connections are watched all the same', async () => {
    const rig = await imapRig(dovecot, { watchConnections: 1, pollSeconds: 0.2 });
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const streams = ['INBOX', 'Sent', 'Archive'].map((folder) => ({ ref: folder, folders: [folder] }));
    const wakes: string[] = [];
    const stop = await mailbox.watch(
      streams,
      (woken) => wakes.push(woken.ref),
      (error) => wakes.push(error.message),
    );
    await expect.poll(() => wakes).toHaveLength(3);
    await rig.append('Archive', message('archived'));
    await expect.poll(() => wakes.slice(3)).toEqual(['Archive']);
    await stop();
    await mailbox.close();
    await rig.close();
  });

  test('fetches many small messages at once', async () => {
    const rig = await imapRig(dovecot);
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    const stream = { ref: 'INBOX', folders: ['INBOX'] };
    const start = await mailbox.start(stream);
    for (let index = 0; index < 300; index += 1) await rig.append('INBOX', message(`m${index}`, 'x'.repeat(40_000)));
    const rows = (await pagesOf(mailbox, stream, start, longAgo)).flatMap((page) => page.listed);
    const answers = await fetchAll(
      mailbox,
      rows.map((row) => row.places[0]!),
    );
    expect(
      answers.map((answer) => answer.raw?.includes(`Message-ID: <${ref('m0')}>`) ?? false).filter(Boolean),
    ).toHaveLength(1);
    expect(answers.every((answer, index) => answer.raw?.length === rows[index]!.size)).toBe(true);
    await mailbox.close();
    await rig.close();
  });
});
