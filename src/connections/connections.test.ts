import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { insertContact, insertMail, makeTeam, sealer } from '../../test/fixtures/records.ts';
import { testDatabase } from '../../test/servers/postgres.ts';
import type { TestDatabase } from '../../test/servers/postgres.ts';
import type { Role, Viewer } from '../accounts/viewer.ts';
import { listen } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import { eraseDeps } from '../log/for-contacts.ts';
import { listLog } from '../log/query.ts';
import { createAddressGuard } from '../net/guard.ts';
import { memoryProvider } from '../providers/memory/provider.ts';
import { MemoryServer } from '../providers/memory/server.ts';
import type { MemoryMailbox } from '../providers/memory/server.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Provider } from '../providers/provider.ts';
import { connect } from './connect.ts';
import type { ConnectInput } from './connect.ts';
import { deleteConnection } from './delete.ts';
import type { MailboxDeps } from './deps.ts';
import { connectionEffects } from './effects.ts';
import { chooseFolders } from './folders.ts';
import { listConnections } from './list.ts';
import { loadForSync } from './load.ts';
import { followPlan, pauseOfLeaver } from './pause-many.ts';
import { updateConnection } from './pause.ts';
import { reauthenticate } from './reauthenticate.ts';
import { setConnectionState } from './state.ts';
import { viewConnection } from './view.ts';
import type { Connection } from './view.ts';

const password = 'correct horse battery';
let database: TestDatabase;
let db: Db;
let accountId: string;
let owner: Viewer;
let admin: Viewer;
let colleague: Viewer;
let stranger: Viewer;
let mailbox: MemoryMailbox;
let deps: MailboxDeps;
const removed: string[] = [];
const deletion = eraseDeps({ blobs: { remove: async (_account, key) => void removed.push(key) } });

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  const roles: Role[] = ['member', 'admin', 'member'];
  const team = await makeTeam(db, roles);
  accountId = team.accountId;
  [owner, admin, colleague] = team.viewers as [Viewer, Viewer, Viewer];
  stranger = (await makeTeam(db)).viewers[0]!;
  const server = new MemoryServer();
  mailbox = server.mailbox('jane@acme.example', password);
  server.mailbox('other@acme.example', password);
  deps = {
    providers: { memory: memoryProvider(server) },
    sealer,
    guard: createAddressGuard(['10.0.0.0/8'], async () => [{ address: '203.0.113.7' }, { address: '9.9.9.9' }]),
  };
});

const input = (change: Partial<ConnectInput> = {}): ConnectInput => ({
  address: 'Jane@acme.example',
  provider: 'memory',
  settings: { host: 'imap.acme.example', port: 993, security: 'tls', user: 'jane@acme.example' },
  credentials: { password },
  sharing: 'everything',
  ...change,
});
const setState = (...args: Parameters<typeof setConnectionState> extends [unknown, ...infer Rest] ? Rest : never) =>
  db.transaction().execute((trx) => setConnectionState(trx, ...args));
const connected = async () => (await connect(db, deps, owner, input())).connection;
const folderId = (connection: Connection, ref: string) => connection.folders.find((one) => one.ref === ref)!.id;
const active = async () => {
  const connection = await connected();
  return await chooseFolders(db, deps, owner, connection.id, [folderId(connection, 'INBOX')]);
};
const row = (id: string) => db.selectFrom('connection').selectAll().where('id', '=', id).executeTakeFirst();
const folderRows = (id: string) =>
  db
    .selectFrom('folder as f')
    .leftJoin('stream as s', (join) =>
      join.onRef('s.account_id', '=', 'f.account_id').onRef('s.id', '=', 'f.stream_id'),
    )
    .where('f.connection_id', '=', id)
    .select(['f.ref', 'f.chosen', 'f.chosen_cursor', 's.start_cursor', 's.cursor', 'f.selectable'])
    .orderBy('f.ref')
    .execute();
/** A provider that does this when a mailbox is opened. */
const opening = (open: Provider['open']): MailboxDeps => ({ ...deps, providers: { memory: { name: 'memory', open } } });

describe('connecting', () => {
  test('lists the folders with Inbox and Sent proposed, and records where each one stands, chosen or not', async () => {
    mailbox.createFolder('Clients');
    mailbox.createFolder('Parent', { selectable: false });
    mailbox.append('Clients', 'Subject: old\r\n\r\nold');
    const connection = await connected();
    expect(connection).toMatchObject({
      provider: 'memory',
      address: 'Jane@acme.example',
      owner: { id: owner.userId, name: 'User 0' },
      state: 'connecting',
      sharing: 'everything',
      counts: { logged: 0, skipped: 0, quarantined: 0 },
    });
    expect(connection.folders.map(({ ref, proposed, chosen }) => [ref, proposed, chosen])).toEqual([
      ['Clients', false, false],
      ['INBOX', true, false],
      ['Parent', false, false],
      ['Sent', true, false],
    ]);
    const rows = await folderRows(connection.id);
    expect(rows.filter((folder) => folder.start_cursor !== null).map((folder) => folder.ref)).toEqual([
      'Clients',
      'INBOX',
      'Sent',
    ]);
    expect(rows.find((folder) => folder.ref === 'Clients')).toMatchObject({ cursor: null, chosen_cursor: null });
  });

  test('seals the password, so that no row and no answer holds it', async () => {
    const connection = await connected();
    expect(JSON.stringify(connection)).not.toContain(password);
    const stored = (await row(connection.id))!;
    expect(stored.credentials!.includes(password)).toBe(false);
    expect(JSON.stringify(stored)).not.toContain(password);
    await chooseFolders(db, deps, owner, connection.id, [folderId(connection, 'INBOX')]);
    expect(await loadForSync(db, sealer, accountId, connection.id)).toMatchObject({ credentials: { password } });
    // Copied to another connection it can't be opened.
    const second = await connect(
      db,
      deps,
      owner,
      input({ address: 'other@acme.example', settings: { user: 'other@acme.example' } }),
    );
    await db
      .updateTable('connection')
      .set({ credentials: stored.credentials, state: 'active' })
      .where('id', '=', second.connection.id)
      .execute();
    await expect(loadForSync(db, sealer, accountId, second.connection.id)).rejects.toMatchObject({ code: 'internal' });
  });

  test('is part of the plan Plus and above', async () => {
    const viewer: Viewer = { ...owner, plan: 'basic' };
    await expect(connect(db, deps, viewer, input())).rejects.toMatchObject({ code: 'plan_required' });
    expect(mailbox.calls.open ?? 0).toBe(0);
  });

  test('refuses a mailbox that is connected already, and an address that is none', async () => {
    await connected();
    for (const viewer of [owner, colleague]) {
      await expect(connect(db, deps, viewer, input({ address: 'jane+x@ACME.example' }))).rejects.toMatchObject({
        code: 'conflict',
      });
    }
    // Whoever left the page before choosing folders starts again here.
    await expect(connect(db, deps, owner, input())).rejects.toMatchObject({
      hint: expect.stringMatching(/^Open it under Email Sync/),
    });
    await expect(connect(db, deps, owner, input({ address: 'jane' }))).rejects.toMatchObject({ code: 'invalid' });
    await expect(
      connect(db, deps, owner, input({ address: 'x@acme.example', provider: 'toString' })),
    ).rejects.toMatchObject({ code: 'invalid' });
    await connect(db, deps, stranger, input());
  });

  test('tells nobody without its password that a mailbox is connected', async () => {
    await connected();
    const guess = connect(db, deps, colleague, input({ credentials: { password: 'guess' } }));
    await expect(guess).rejects.toMatchObject({ code: 'mailbox_refused' });
  });

  test('refuses the sign-in of another mailbox than the one asked for', async () => {
    const wrong = connect(db, deps, owner, input({ settings: { user: 'other@acme.example' } }));
    await expect(wrong).rejects.toMatchObject({
      code: 'mailbox_refused',
      message: expect.stringContaining('other@acme.example'),
    });
    expect((await listConnections(db, owner, { scope: 'mine', limit: 5 })).items).toEqual([]);
  });

  test('says what went wrong and what to do, and never the password', async () => {
    const failures: [Error, string][] = [
      [new ProviderError('auth', `Invalid password ${password}`, { hint: `Not ${password}` }), 'mailbox_refused'],
      [new ProviderError('transient', `No route, sent ${password}`), 'mailbox_unreachable'],
      [new ProviderError('rate-limit', 'Too many sign-ins.'), 'mailbox_unreachable'],
      [new ProviderError('protocol', `BAD LOGIN "${password}"`, { hint: password }), 'mailbox_protocol'],
      [new ProviderError('transient', 'Its certificate has expired.', { reason: 'insecure' }), 'mailbox_insecure'],
      [new ProviderError('unsupported', 'Internal.', { reason: 'not-allowed' }), 'host_not_allowed'],
      [new AppError('host_not_allowed', 'This host is internal.'), 'host_not_allowed'],
      [new Error(`bug with ${password}`), 'internal'],
    ];
    for (const [failure, code] of failures) {
      const failing = opening(() => Promise.reject(failure));
      const error = await connect(db, failing, owner, input()).then(
        () => expect.unreachable(),
        (reason: AppError) => reason,
      );
      expect(error).toMatchObject({ name: 'AppError', code });
      expect(error.message + error.hint + error.stack + JSON.stringify(error) + String(error.cause)).not.toContain(
        password,
      );
    }
  });

  test('gives up on a server that never answers, and closes what opens too late', async () => {
    const closed = vi.fn<() => Promise<void>>(async () => {});
    let open: (() => void) | undefined;
    const late = opening(() => new Promise((resolve) => (open = () => resolve({ close: closed } as never))));
    const waiting = connect(db, { ...late, mailboxLimitMs: 30 }, owner, input());
    await expect(waiting).rejects.toMatchObject({ code: 'mailbox_unreachable' });
    open!();
    await expect.poll(() => closed).toHaveBeenCalledOnce();
  });

  test('sends a password in clear to allowed internal hosts only', async () => {
    const plain = (host: string) =>
      connect(db, deps, owner, input({ settings: { ...input().settings, security: 'plain', host } }));
    await expect(plain('9.9.9.9')).rejects.toMatchObject({ code: 'mailbox_insecure' });
    await expect(plain('192.168.0.1')).rejects.toMatchObject({ code: 'host_not_allowed' });
    expect(mailbox.calls.open ?? 0).toBe(0);
    expect((await plain('10.1.2.3')).connection.state).toBe('connecting');
  });

  test('warns of a contact whose address is now an own one', async () => {
    const contactId = await insertContact(db, accountId, { firstName: 'Jane', lastName: 'Doe' });
    await db
      .insertInto('contact_address')
      .values({
        account_id: accountId,
        contact_id: contactId,
        address: 'jane@acme.example',
        address_key: 'jane@acme.example',
        hash: Buffer.alloc(16),
      })
      .execute();
    const { warnings } = await connect(db, deps, owner, input());
    expect(warnings).toEqual([expect.stringContaining('Jane Doe')]);
  });

  test('leaves out a folder that the server lists but will not open', async () => {
    mailbox.createFolder('Locked');
    mailbox.fail('start', new ProviderError('unsupported', 'No permission'), { folder: 'Locked' });
    const connection = await connected();
    expect(connection.folders.find((folder) => folder.ref === 'Locked')!.selectable).toBe(false);
  });

  test('leaves out a folder that the server can not give now; where it gives none, nothing is connected', async () => {
    const refused = new ProviderError('transient', 'Internal error', { folderOnly: true });
    mailbox.fail('start', refused, { times: 2 });
    await expect(connected()).rejects.toMatchObject({ code: 'mailbox_unreachable', message: 'Internal error' });
    mailbox.fail('start', refused, { folder: 'Sent' });
    const { folders } = await connected();
    expect(folders.map(({ ref, selectable }) => [ref, selectable]).sort()).toEqual([
      ['INBOX', true],
      ['Sent', false],
    ]);
  });

  test('tells the sync processes', async () => {
    const heard: unknown[] = [];
    const listener = await listen(database.url, { letterlog_connection: (payload) => heard.push(payload) }, () => {});
    const { id } = await connected();
    await expect.poll(() => heard).toContainEqual({ accountId, connectionId: id });
    await listener.close();
  });
});

describe('choosing folders', () => {
  test('begins syncing the first time, from the cursors of connecting', async () => {
    const connection = await connected();
    const chosen = await chooseFolders(db, deps, owner, connection.id, [
      folderId(connection, 'INBOX'),
      folderId(connection, 'Sent'),
    ]);
    expect(chosen.state).toBe('active');
    expect(chosen.folders.filter((folder) => folder.chosen).map((folder) => folder.ref)).toEqual(['INBOX', 'Sent']);
    expect((await folderRows(connection.id)).every((folder) => folder.chosen_cursor === null)).toBe(true);
  });

  test('records where a folder stood when it is ticked later; an unticked one keeps its cursor', async () => {
    mailbox.createFolder('Clients');
    const connection = await active();
    await db.updateTable('stream').set({ cursor: 'read so far' }).where('connection_id', '=', connection.id).execute();
    mailbox.append('Clients', 'Subject: before the tick\r\n\r\n');
    await chooseFolders(db, deps, owner, connection.id, [folderId(connection, 'Clients')]);
    const [clients, inbox] = await folderRows(connection.id);
    expect(clients).toMatchObject({ ref: 'Clients', chosen: true });
    expect(clients!.chosen_cursor).not.toBeNull();
    expect(clients!.chosen_cursor).not.toBe(clients!.start_cursor);
    expect(inbox).toMatchObject({ ref: 'INBOX', chosen: false, chosen_cursor: null, cursor: 'read so far' });
  });

  test('refuses no folder, a folder without mail, one of another mailbox, and one that is gone', async () => {
    mailbox.createFolder('Parent', { selectable: false });
    mailbox.createFolder('Gone');
    const connection = await active();
    const other = await connect(
      db,
      deps,
      owner,
      input({ address: 'other@acme.example', settings: { user: 'other@acme.example' } }),
    );
    const inbox = folderId(connection, 'INBOX');
    mailbox.deleteFolder('Gone');
    for (const ids of [
      [],
      [inbox, folderId(connection, 'Parent')],
      [folderId(other.connection, 'INBOX')],
      [inbox, folderId(connection, 'Gone')],
    ]) {
      await expect(chooseFolders(db, deps, owner, connection.id, ids)).rejects.toMatchObject({ code: 'invalid' });
    }
    expect((await folderRows(connection.id)).filter((folder) => folder.chosen).map((folder) => folder.ref)).toEqual([
      'INBOX',
    ]);
  });

  test('is refused on the plan Basic', async () => {
    const { id, folders } = await active();
    const choosing = chooseFolders(db, deps, { ...owner, plan: 'basic' }, id, [folders[0]!.id]);
    await expect(choosing).rejects.toMatchObject({ code: 'plan_required' });
  });
});

describe('who may do what', () => {
  test('only the owner signs in, chooses folders and shares; admins may look, pause and delete; others see nothing', async () => {
    const { id, folders } = await active();
    const acts = (viewer: Viewer) => [
      () => chooseFolders(db, deps, viewer, id, [folders[0]!.id]),
      () => reauthenticate(db, deps, viewer, id, { credentials: { password } }),
      () => updateConnection(db, viewer, id, { sharing: 'private' }),
    ];
    for (const act of acts(admin)) await expect(act()).rejects.toMatchObject({ code: 'forbidden' });
    for (const viewer of [colleague, stranger]) {
      for (const act of [
        ...acts(viewer),
        () => updateConnection(db, viewer, id, { paused: true }),
        () => connectionEffects(db, viewer, id),
        () => deleteConnection(db, deletion, viewer, id, 'erase'),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'not_found' });
      }
    }
    expect((await viewConnection(db, accountId, id)).state).toBe('active');
    await expect(viewConnection(db, stranger.accountId, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await loadForSync(db, sealer, stranger.accountId, id)).toBeNull();
    expect(await setState(stranger.accountId, id, { state: 'failing', code: 'protocol' })).toBe(false);

    expect(await updateConnection(db, admin, id, { paused: true })).toMatchObject({
      state: 'paused',
      stateCode: 'paused_by_admin',
    });
    await deleteConnection(db, deletion, admin, id, 'keep');
    await expect(viewConnection(db, accountId, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test("everybody lists their own; admins list everybody's of their account, by any column and word", async () => {
    await active();
    await connect(
      db,
      deps,
      colleague,
      input({ address: 'other@acme.example', settings: { user: 'other@acme.example' } }),
    );
    const addresses = async (viewer: Viewer, filter: object = {}) =>
      (await listConnections(db, viewer, { scope: 'account', limit: 5, ...filter })).items.map((one) => one.address);
    expect(await addresses(owner, { scope: 'mine' })).toEqual(['Jane@acme.example']);
    await expect(addresses(owner)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await addresses(admin)).toEqual(['Jane@acme.example', 'other@acme.example']);
    expect(await addresses(admin, { sort: '-owner' })).toEqual(['other@acme.example', 'Jane@acme.example']);
    expect(await addresses(admin, { q: 'user 2' })).toEqual(['other@acme.example']);
    expect(await addresses(admin, { q: '%' })).toEqual([]);
    expect(await addresses(admin, { state: 'active' })).toEqual(['Jane@acme.example']);
    expect(await addresses(stranger)).toEqual([]);
    for (const sort of [
      'address',
      '-address',
      'lastSyncedAt',
      '-state',
      'startedAt',
      'lastAuthenticatedAt',
      'provider',
    ] as const) {
      const first = await listConnections(db, admin, { scope: 'account', limit: 1, sort });
      const second = await listConnections(db, admin, { scope: 'account', limit: 1, sort, cursor: first.nextCursor! });
      expect(second.nextCursor).toBeNull();
      expect(new Set([first, second].map((page) => page.items[0]!.address)).size).toBe(2);
    }
  });
});

describe('signing in again', () => {
  test('repairs the connection in place', async () => {
    const { id } = await active();
    await db.updateTable('stream').set({ cursor: 'read so far' }).where('connection_id', '=', id).execute();
    await setState(accountId, id, { state: 'needs_sign_in', code: 'refused' });
    expect(await viewConnection(db, accountId, id)).toMatchObject({ state: 'needs_sign_in', stateCode: 'refused' });
    expect(await loadForSync(db, sealer, accountId, id)).toBeNull();
    mailbox.password = 'a new password';
    const repaired = await reauthenticate(db, deps, owner, id, { credentials: { password: 'a new password' } });
    expect(repaired).toMatchObject({ state: 'catching_up', stateCode: null, stateMessage: null });
    expect(await loadForSync(db, sealer, accountId, id)).toMatchObject({ credentials: { password: 'a new password' } });
    expect((await folderRows(id))[0]).toMatchObject({ chosen: true, cursor: 'read so far' });
  });

  test('changes nothing when the server refuses, or when it is another mailbox', async () => {
    const { id } = await active();
    await setState(accountId, id, { state: 'needs_sign_in', code: 'refused' });
    const before = await row(id);
    const wrong = reauthenticate(db, deps, owner, id, { credentials: { password: 'wrong' } });
    await expect(wrong).rejects.toMatchObject({ code: 'mailbox_refused' });
    const other = { credentials: { password }, settings: { user: 'other@acme.example' } };
    await expect(reauthenticate(db, deps, owner, id, other)).rejects.toMatchObject({ code: 'mailbox_refused' });
    expect(await row(id)).toEqual(before);
  });
});

describe('pausing', () => {
  test('what the owner paused is not let go on by an admin', async () => {
    const { id } = await active();
    await updateConnection(db, owner, id, { paused: true });
    await expect(updateConnection(db, admin, id, { paused: false })).rejects.toMatchObject({ code: 'forbidden' });
    expect((await updateConnection(db, owner, id, { paused: false })).state).toBe('active');
    await updateConnection(db, admin, id, { paused: true });
    expect((await updateConnection(db, admin, id, { paused: false })).state).toBe('active');
  });

  test('an upgrade of the plan starts no mailbox again whose owner left in between', async () => {
    const { id } = await active();
    await db.transaction().execute((trx) => followPlan(trx, accountId, false));
    expect(await viewConnection(db, accountId, id)).toMatchObject({ state: 'paused', stateCode: 'paused_by_plan' });
    await db.transaction().execute((trx) => pauseOfLeaver(trx, accountId, owner.userId));
    await db.transaction().execute((trx) => followPlan(trx, accountId, true));
    expect(await viewConnection(db, accountId, id)).toMatchObject({ state: 'paused', stateCode: 'owner_left' });
    expect(await loadForSync(db, sealer, accountId, id)).toBeNull();
  });

  test('stops syncing until it goes on; what syncing finds meanwhile changes nothing', async () => {
    const { id } = await active();
    expect(await updateConnection(db, owner, id, { paused: true })).toMatchObject({
      state: 'paused',
      stateCode: 'paused_by_owner',
    });
    expect(await loadForSync(db, sealer, accountId, id)).toBeNull();
    expect(await setState(accountId, id, { state: 'active' })).toBe(false);
    expect((await updateConnection(db, owner, id, { paused: true })).state).toBe('paused');
    const onBasic = updateConnection(db, { ...owner, plan: 'basic' }, id, { paused: false });
    await expect(onBasic).rejects.toMatchObject({ code: 'plan_required' });
    expect(await updateConnection(db, owner, id, { paused: false })).toMatchObject({
      state: 'active',
      stateCode: null,
    });
  });

  test('does not end once the owner has left the account', async () => {
    const { id } = await active();
    await updateConnection(db, admin, id, { paused: true });
    await db.deleteFrom('member').where('account_id', '=', accountId).where('user_id', '=', owner.userId).execute();
    await expect(updateConnection(db, admin, id, { paused: false })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is no matter of a connection without folders', async () => {
    const { id } = await connected();
    await expect(updateConnection(db, owner, id, { paused: true })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('the time of a state is when it began, not when it was last found', async () => {
    const { id } = await active();
    await setState(accountId, id, { state: 'failing', code: 'unreachable' });
    const { state_since: since } = (await row(id))!;
    await setState(accountId, id, {
      state: 'failing',
      code: 'rate_limited',
      message: 'Wait.',
      nextTryAt: new Date(),
    });
    expect(await row(id)).toMatchObject({ state_since: since, state_code: 'rate_limited', state_message: 'Wait.' });
  });
});

describe('deleting', () => {
  const address = 'grace@navy.example';
  async function held() {
    const mine = await active();
    const theirs = (
      await connect(
        db,
        deps,
        colleague,
        input({ address: 'other@acme.example', settings: { user: 'other@acme.example' } }),
      )
    ).connection;
    const contactId = await insertContact(db, accountId);
    const place = (one: Connection) => ({
      id: one.id,
      folderId: folderId(one, 'INBOX'),
      accountId,
      address: one.address,
    });
    const contacts = [{ id: contactId, address }];
    await insertMail(db, accountId, { in: [place(mine)], contacts, subject: 'mine', raw: `raw-${mine.id}` });
    await insertMail(db, accountId, {
      in: [place(mine), place(theirs)],
      contacts,
      subject: 'both',
      raw: `both-${mine.id}`,
    });
    await insertMail(db, accountId, { in: [place(theirs)], contacts, subject: 'theirs' });
    await insertMail(db, accountId, {
      from: mine.address,
      to: [theirs.address],
      bcc: [{ connection: place(mine), address }],
      in: [place(mine), place(theirs)],
      contacts: [{ id: contactId, address, role: 'bcc' }],
      subject: 'blind',
    });
    const subjects = async (viewer: Viewer) =>
      (await listLog(db, viewer, contactId, { limit: 10 })).items.map((item) => item.message!.subject).toSorted();
    return { mine, theirs, subjects };
  }

  test('says first how much it concerns', async () => {
    const { mine, theirs } = await held();
    for (const viewer of [owner, admin]) {
      expect(await connectionEffects(db, viewer, mine.id)).toEqual({ logItems: 3, onlyHere: 1, hiddenIfPrivate: 2 });
    }
    await updateConnection(db, colleague, theirs.id, { sharing: 'private' });
    expect(await connectionEffects(db, owner, mine.id)).toEqual({ logItems: 3, onlyHere: 1, hiddenIfPrivate: 1 });
    expect((await connectionEffects(db, colleague, theirs.id)).hiddenIfPrivate).toBe(0);
    expect((await viewConnection(db, accountId, mine.id)).counts).toEqual({ logged: 3, skipped: 0, quarantined: 0 });
  });

  test('keeps the log when asked to, under the sharing that it had, and forgets the password', async () => {
    const { mine, subjects } = await held();
    await updateConnection(db, owner, mine.id, { sharing: 'private' });
    const { fence } = (await row(mine.id))!;
    await deleteConnection(db, deletion, owner, mine.id, 'keep');
    expect(await row(mine.id)).toMatchObject({ state: 'deleted', credentials: null, sharing: 'private' });
    expect((await row(mine.id))!.fence).not.toBe(fence);
    expect(await subjects(owner)).toEqual(['blind', 'both', 'mine', 'theirs']);
    expect(await subjects(colleague)).toEqual(['both', 'theirs']);
    expect(await subjects(admin)).toEqual(['theirs']);
    expect(await loadForSync(db, sealer, accountId, mine.id)).toBeNull();
  });

  test('erases what no other mailbox holds when asked to, and the raw messages after it', async () => {
    const { mine, subjects } = await held();
    await deleteConnection(db, deletion, owner, mine.id, 'erase');
    expect(await row(mine.id)).toBeUndefined();
    expect(await subjects(colleague)).toEqual(['both', 'theirs']);
    expect(await subjects(owner)).toEqual(['both', 'theirs']);
    const blind = await db
      .selectFrom('log_item')
      .select('id')
      .where('account_id', '=', accountId)
      .where('matched_role', '=', 'bcc')
      .execute();
    expect(blind).toEqual([]);
    expect(removed).toContain(`raw-${mine.id}`);
    expect(removed).not.toContain(`both-${mine.id}`);
    const left = await db.selectFrom('sighting').select('id').where('connection_id', '=', mine.id).execute();
    expect(left).toEqual([]);
  });

  test('lets the mailbox be connected again, anew', async () => {
    for (const log of ['keep', 'erase'] as const) {
      const { id } = await active();
      await deleteConnection(db, deletion, owner, id, log);
      const again = await connected();
      expect(again).toMatchObject({ state: 'connecting', counts: { logged: 0 } });
      await deleteConnection(db, deletion, owner, again.id, 'erase');
    }
  });
});
