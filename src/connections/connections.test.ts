import { beforeEach, describe, expect, test } from 'vitest';
import { folderId, input, mailboxTeam, password } from '../../test/fixtures/mailbox-team.ts';
import { insertContact, insertMail, sealer } from '../../test/fixtures/records.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Db } from '../db/open.ts';
import { eraseDeps } from '../log/for-contacts.ts';
import { listLog } from '../log/query.ts';
import type { MemoryMailbox } from '../providers/memory/server.ts';
import { connect } from './connect.ts';
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

const database = sharedDatabase();
let db: Db;
let accountId: string;
let owner: Viewer;
let admin: Viewer;
let colleague: Viewer;
let stranger: Viewer;
let mailbox: MemoryMailbox;
let deps: MailboxDeps;
const removed: string[] = [];
const deletion = eraseDeps({ blobs: { remove: async (_account, keys) => void removed.push(...keys) } });

beforeEach(async () => {
  ({ db } = database);
  ({ accountId, owner, admin, colleague, stranger, mailbox, deps } = await mailboxTeam(db));
});

const setState = (...args: Parameters<typeof setConnectionState> extends [unknown, ...infer Rest] ? Rest : never) =>
  db.transaction().execute((trx) => setConnectionState(trx, ...args));
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
