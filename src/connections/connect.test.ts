import { beforeEach, describe, expect, test, vi } from 'vitest';
import { folderId, input, mailboxTeam, password } from '../../test/fixtures/mailbox-team.ts';
import { insertContact, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import { listen } from '../db/listen.ts';
import type { Db } from '../db/open.ts';
import { AppError } from '../errors.ts';
import type { MemoryMailbox } from '../providers/memory/server.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Provider } from '../providers/provider.ts';
import { connect } from './connect.ts';
import type { MailboxDeps } from './deps.ts';
import { chooseFolders } from './folders.ts';
import { listConnections } from './list.ts';
import { loadForSync } from './load.ts';

const database = sharedDatabase();
let db: Db;
let accountId: string;
let owner: Viewer;
let colleague: Viewer;
let stranger: Viewer;
let mailbox: MemoryMailbox;
let deps: MailboxDeps;

beforeEach(async () => {
  ({ db } = database);
  ({ accountId, owner, colleague, stranger, mailbox, deps } = await mailboxTeam(db));
});

const connected = async () => (await connect(db, deps, owner, input())).connection;
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
