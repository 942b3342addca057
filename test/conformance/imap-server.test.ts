import net from 'node:net';
import { buffer } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAddressGuard } from '../../src/net/guard.ts';
import { type ImapOptions, imapProvider } from '../../src/providers/imap/provider.ts';
import { type Mailbox, ProviderError } from '../../src/providers/provider.ts';
import { mail } from '../fixtures/mail.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { freePorts } from '../servers/ports.ts';
import { imapRig, makeUsers } from './imap-rig.ts';
import { fetchAll, idsOf, longAgo, message, pagesOf, ref } from './provider-suite.ts';

const password = 'gehe1m-Pässwörd "\\ €';
let dovecot: Dovecot;
let user: string;

beforeAll(async () => {
  dovecot = await startDovecot({ certificateFor: ['localhost'] });
  await makeUsers(dovecot, 20);
  user = 'non-ascii@test.example';
  await dovecot.addUser(user, password);
});
afterAll(() => dovecot[Symbol.asyncDispose]());

const provider = (options: Partial<ImapOptions> = {}) =>
  imapProvider({ guard: createAddressGuard(['127.0.0.1']), ca: dovecot.ca, timeoutSeconds: 1, ...options });
const settings = (over: object = {}) => ({
  host: 'localhost',
  port: dovecot.ports.imaps,
  security: 'tls',
  user,
  ...over,
});

async function refusal(opening: Promise<Mailbox>): Promise<ProviderError> {
  const error = await opening.then(
    (mailbox) => mailbox.close().then(() => new Error('it was opened')),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(ProviderError);
  const { stack, cause } = error as Error;
  for (const text of [JSON.stringify(error), stack, cause, JSON.stringify(cause)])
    expect(String(text)).not.toContain('gehe1m');
  return error as ProviderError;
}

describe('signing in', () => {
  test.each([
    ['TLS', 'tls', 'imaps'],
    ['STARTTLS', 'starttls', 'imap'],
    ['no encryption, inside the own network', 'plain', 'imap'],
  ] as const)('works with %s, whatever is in the password', async (_name, security, port) => {
    const mailbox = await provider().open(settings({ security, port: dovecot.ports[port] }), { password });
    expect((await mailbox.whoami()).address).toBe(user);
    await mailbox.close();
  });

  test.each(['its own CA', 'the usual ones only'])('trusts %s by what all connections share', async (trusted) => {
    const shared = provider(trusted === 'its own CA' ? {} : { ca: undefined });
    const made = vi.spyOn(tls, 'createSecureContext');
    await shared.open(settings(), { password }).then(
      (mailbox) => mailbox.close(),
      () => undefined,
    );
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  });

  test('says what is wrong with the server, in a sentence', async () => {
    const [nobody] = (await freePorts(1)) as [number];
    const open = (over: object, options?: Partial<ImapOptions>) =>
      refusal(provider(options).open(settings(over), { password }));
    expect(await open({ port: nobody })).toMatchObject({
      kind: 'transient',
      reason: 'unreachable',
      message: `No IMAP server answers at localhost:${nobody}.`,
    });
    expect(await open({ host: '127.0.0.1' })).toMatchObject({
      reason: 'insecure',
      message: 'The certificate of 127.0.0.1 is not valid for this name.',
    });
    expect(await open({}, { ca: undefined })).toMatchObject({
      reason: 'insecure',
      message: 'The certificate of localhost comes from an authority that is not trusted here.',
    });
    expect(await open({ port: dovecot.ports.imap })).toMatchObject({ kind: 'unsupported', reason: 'insecure' });
    expect(await open({ security: 'starttls' })).toMatchObject({ kind: 'transient', reason: 'unreachable' });
    expect(await open({ host: 'no-such-host.invalid' })).toMatchObject({ kind: 'transient', reason: 'unreachable' });
    expect(await open({ port: dovecot.ports.lmtp, security: 'plain' })).toMatchObject({ reason: 'unreachable' });
    expect(await open({}, { guard: createAddressGuard([]) })).toMatchObject({
      kind: 'unsupported',
      reason: 'not-allowed',
    });
    expect(await open({ port: 0 })).toMatchObject({ kind: 'unsupported' });
  });

  test('never sends a password in clear to a public server', async () => {
    const elsewhere = { resolve: async () => ({ address: '8.8.8.8', family: 4 as const }) };
    const error = await refusal(provider({ guard: elsewhere }).open(settings({ security: 'plain' }), { password }));
    expect(error).toMatchObject({ kind: 'unsupported', reason: 'insecure' });
  });

  test('a missing password is no password', async () => {
    for (const credentials of [{}, null, { password: '' }, { password: 'a\0b' }])
      expect(await refusal(provider().open(settings(), credentials))).toMatchObject({ kind: 'auth' });
  });

  test('is refused when the password has been changed, at the next connection', async () => {
    const rig = await imapRig(dovecot, { quietSeconds: 0.01 });
    const mailbox = await rig.provider.open(rig.settings, rig.credentials);
    await dovecot.setPassword(rig.user, 'another');
    await vi.waitFor(() => expect(mailbox.folders()).rejects.toMatchObject({ kind: 'auth' }), {
      timeout: 60_000,
      interval: 300,
    });
    await mailbox.close();
    await rig.close();
  });
});

/** A server that says what the script says to each line; `null` says nothing. */
async function scripted(greeting: string | null, answer: (line: string, tag: string) => string | null) {
  const lines: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (greeting !== null) socket.write(`${greeting}\r\n`);
    let rest = '';
    socket.on('data', (chunk) => {
      rest += chunk.toString();
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        lines.push(line);
        const said = answer(line, line.split(' ')[0] ?? '');
        if (said !== null) socket.write(`${said}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const open = (security = 'plain') => provider().open({ host: '127.0.0.1', port, security, user }, { password });
  return {
    lines,
    open,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const capability =
  (more = '') =>
  (line: string, tag: string) =>
    line.includes('CAPABILITY') ? `* CAPABILITY IMAP4rev1 ${more}\r\n${tag} OK done` : null;

describe('a server that', () => {
  test('never greets is given up', async () => {
    using server = await scripted(null, () => null);
    expect(await refusal(server.open())).toMatchObject({ kind: 'transient', reason: 'unreachable' });
  });

  test('never answers the sign-in is given up', async () => {
    using server = await scripted('* OK hello', capability());
    const began = performance.now();
    expect(await refusal(server.open())).toMatchObject({ kind: 'transient', reason: 'unreachable' });
    // Of its second, not of the twenty that are usual.
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test('speaks another language is no IMAP server', async () => {
    using server = await scripted('220 smtp.example ESMTP', () => '502 what?');
    expect(await refusal(server.open())).toMatchObject({ kind: 'transient', reason: 'unreachable' });
  });

  test('has lost its STARTTLS on the way gets no password', async () => {
    using server = await scripted('* OK hello', (line, tag) => capability()(line, tag) ?? `${tag} OK fine`);
    expect(await refusal(server.open('starttls'))).toMatchObject({ kind: 'unsupported', reason: 'insecure' });
    expect(server.lines.join()).not.toContain('LOGIN');
    expect(server.lines.join()).not.toContain('gehe1m');
  });

  test.each(['UNAVAILABLE', 'INUSE', 'LIMIT'])('answers [%s] does not mean the password', async (code) => {
    using server = await scripted(
      '* OK hello',
      (line, tag) => capability()(line, tag) ?? `${tag} NO [${code}] Not now`,
    );
    expect(await refusal(server.open())).toMatchObject({ kind: 'transient' });
  });

  test('answers [AUTHENTICATIONFAILED], or nothing but NO, means the password', async () => {
    for (const answer of ['[AUTHENTICATIONFAILED] no', `wrong password ${password.slice(0, 5)}`]) {
      using server = await scripted('* OK hello', (line, tag) => capability()(line, tag) ?? `${tag} NO ${answer}`);
      expect(await refusal(server.open())).toMatchObject({ kind: 'auth' });
    }
  });

  test('refuses passwords on open lines says so', async () => {
    using server = await scripted('* OK hello', capability('LOGINDISABLED'));
    expect(await refusal(server.open())).toMatchObject({ kind: 'unsupported', reason: 'insecure' });
  });
});

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
