import { expect, test } from 'vitest';
import type { Stream } from '../../src/providers/provider.ts';
import { imapRig, makeUsers } from '../conformance/imap-rig.ts';
import { cursorAfter, fetchAll, idsOf, message, pagesOf, ref } from '../conformance/provider-suite.ts';
import { startDovecot } from '../servers/dovecot.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';

/** What Dovecot 2.3 offers after the sign-in and Letterlog, or the library below it, may use. */
const offered =
  'IMAP4rev1 ID ENABLE IDLE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH LIST-STATUS BINARY MOVE LITERAL+ NOTIFY SPECIAL-USE'.split(
    ' ',
  );

const without: [string, string[], RegExp | null][] = [
  ['nothing', [], null],
  ['CONDSTORE and QRESYNC', ['CONDSTORE', 'QRESYNC'], /CONDSTORE|QRESYNC|CHANGEDSINCE|MODSEQ/],
  ['LIST-STATUS', ['LIST-STATUS', 'LIST-EXTENDED'], /RETURN \(|NOTIFY/],
  ['NOTIFY', ['NOTIFY'], /NOTIFY/],
  ['IDLE', ['IDLE', 'NOTIFY'], /IDLE|NOTIFY/],
  ['SPECIAL-USE', ['SPECIAL-USE'], /SPECIAL-USE/],
  ['MOVE and UIDPLUS', ['MOVE', 'UIDPLUS'], null],
  ['ESEARCH', ['ESEARCH'], /SEARCH RETURN/],
  ['anything but IMAP4rev1', offered.slice(1), /ENABLE|IDLE|NOTIFY|CONDSTORE|RETURN|ESEARCH|NAMESPACE|UNSELECT/],
];

/** What matters of a mailbox, from the first day to a restart. */
test.each(without)('a server without %s', { timeout: 120_000 }, async (_name, missing, unasked) => {
  const capability = offered.filter((word) => !missing.includes(word)).join(' ');
  await using dovecot = await startDovecot({ extra: `protocol imap {\n  imap_capability = ${capability}\n}` });
  await makeUsers(dovecot, 1);
  const commands: string[] = [];
  await using proxy = await startFaultProxy({ port: dovecot.ports.imap }, (chunk, direction) => {
    if (direction === 'up') commands.push(...chunk.toString().trim().split('\r\n'));
  });
  const rig = await imapRig(dovecot, { pollSeconds: 0.5 });
  const settings = { host: 'localhost', port: proxy.port, security: 'plain', user: rig.user };
  const open = () => rig.provider.open(settings, rig.credentials);
  const [inbox, projects, renamed] = ['INBOX', 'Projekte & Co', 'Kunden/Müller'].map((name) => ({
    ref: name,
    folders: [name],
  })) as [Stream, Stream, Stream];

  await rig.append('INBOX', message('old'));
  await rig.createFolder(projects.ref);
  let mailbox = await open();
  const roles = new Map((await mailbox.folders()).map((folder) => [folder.ref, folder.role]));
  expect([roles.get('INBOX'), roles.get('Sent'), roles.get(projects.ref)]).toEqual(['inbox', 'sent', null]);
  const cursors = { inbox: await mailbox.start(inbox), projects: await mailbox.start(projects) };

  // New mail is heard of, in the first folder and in another.
  const wakes: string[] = [];
  const stop = await mailbox.watch(
    [inbox, projects],
    (stream) => wakes.push(stream.ref),
    (error) => wakes.push(error.message),
  );
  await expect.poll(() => wakes.toSorted()).toEqual(['INBOX', projects.ref]);
  for (const [folder, id] of [
    ['INBOX', 'one'],
    [projects.ref, 'elsewhere'],
    ['INBOX', 'two'],
  ] as const) {
    wakes.length = 0;
    await rig.append(folder, message(id));
    await expect.poll(() => wakes, { timeout: 10_000 }).toContain(folder);
  }
  const before = await rig.state();
  const first = await pagesOf(mailbox, inbox, cursors.inbox);
  expect(idsOf(first)).toEqual([ref('one'), ref('two')]);
  const elsewhere = await pagesOf(mailbox, projects, cursors.projects);
  expect(idsOf(elsewhere)).toEqual([ref('elsewhere')]);
  cursors.projects = cursorAfter(elsewhere, cursors.projects);
  const [one] = first[0]!.listed;
  expect((await fetchAll(mailbox, one!.places))[0]!.raw?.toString()).toContain('Subject: one');
  await stop();
  expect(await rig.state()).toBe(before);

  // While nobody looks: a move, a deletion, a new name, new mail.
  await mailbox.close();
  await rig.move('INBOX', ref('one'), projects.ref);
  await rig.remove('INBOX', ref('old'));
  await rig.renameFolder(projects.ref, renamed.ref);
  await rig.append('INBOX', message('three'));
  mailbox = await open();
  const cursor = cursorAfter(first, cursors.inbox);
  expect(await mailbox.stale([{ stream: inbox, cursor }])).toEqual([inbox]);
  const second = await pagesOf(mailbox, inbox, cursor);
  expect(idsOf(second)).toEqual([ref('three')]);
  expect(second.flatMap((page) => page.vanished)).toHaveLength(2);
  expect(await pagesOf(mailbox, inbox, cursorAfter(second, cursor))).toEqual([]);
  expect(await mailbox.stale([{ stream: inbox, cursor: cursorAfter(second, cursor) }])).toEqual([]);
  const gone = { stream: projects, cursor: cursors.projects };
  expect(await mailbox.renamed([gone], [renamed])).toMatchObject([{ from: projects, to: renamed }]);
  expect(idsOf(await pagesOf(mailbox, renamed, cursors.projects))).toEqual([ref('one')]);
  await mailbox.close();
  await rig.close();
  if (unasked) expect(commands.filter((line) => unasked.test(line))).toEqual([]);
});
