import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAddressGuard } from '../../src/net/guard.ts';
import { type ImapOptions, imapProvider } from '../../src/providers/imap/provider.ts';
import { type Mailbox, ProviderError } from '../../src/providers/provider.ts';
import { type Dovecot, startDovecot } from '../servers/dovecot.ts';
import { freePorts } from '../servers/ports.ts';
import { imapRig, makeUsers } from './imap-rig.ts';

const password = 'gehe1m-Pässwörd "\\ €';
let dovecot: Dovecot;
let user: string;

beforeAll(async () => {
  dovecot = await startDovecot({ certificateFor: ['localhost'] });
  await makeUsers(dovecot, 1);
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
