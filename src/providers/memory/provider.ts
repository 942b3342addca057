import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseHead } from '../../mail/parse-head.ts';
import {
  EpochChanged,
  type Listed,
  type Mailbox,
  type Place,
  type Provider,
  ProviderError,
  type Stream,
} from '../provider.ts';
import { type Cursor, changes, readCursor, writeCursor } from './changes.ts';
import type { MemoryFolder, MemoryMailbox, MemoryMessage, MemoryServer, Watcher } from './server.ts';

const settingsShape = z.looseObject({ user: z.string() });
const credentialsShape = z.looseObject({ password: z.string() });

/** Mailboxes in memory, for tests: it keeps every promise of the interface and can be made to fail. */
export function memoryProvider(server: MemoryServer, options: { pageSize?: number } = {}): Provider {
  return {
    name: 'memory',
    async open(settings, credentials) {
      const { user } = settingsShape.parse(settings);
      const mailbox = server.mailboxes.get(user);
      await mailbox?.enter('open');
      if (!mailbox || credentialsShape.parse(credentials).password !== mailbox.password)
        throw new ProviderError('auth', 'The server refused this password.');
      return openMailbox(mailbox, options.pageSize ?? 500);
    },
  };
}

function openMailbox(server: MemoryMailbox, pageSize: number): Mailbox {
  const watchers = new Set<Watcher>();
  let closed = false;
  const enter: MemoryMailbox['enter'] = async (...args) => {
    if (closed) throw new ProviderError('transient', 'This mailbox has been closed.');
    await server.enter(...args);
  };
  const folderOf = (ref: string): MemoryFolder => {
    const folder = server.folders.get(ref);
    if (!folder) throw new ProviderError('gone', `The folder ${ref} is no longer there.`);
    return folder;
  };

  return {
    async whoami() {
      await enter('whoami');
      return { address: server.address, aliases: [], subject: null };
    },

    async folders() {
      await enter('folders');
      return [...server.folders.values()].map(({ ref, role, selectable }) => ({ ref, name: ref, role, selectable }));
    },

    streams: (folders) =>
      folders.filter((folder) => folder.selectable).map((folder) => ({ ref: folder.ref, folders: [folder.ref] })),

    async start(stream) {
      await enter('start', stream.ref);
      return writeCursor(cursorOf(folderOf(stream.ref)));
    },

    async stale(streams) {
      await enter('stale');
      return streams
        .filter(({ stream, cursor }) => {
          const folder = server.folders.get(stream.ref);
          const { epoch, position } = readCursor(cursor);
          return !folder || folder.epoch !== epoch || folder.log.length !== position;
        })
        .map(({ stream }) => stream);
    },

    async renamed(gone, appeared) {
      await enter('renamed');
      return gone.flatMap(({ stream, cursor }) => {
        const to = appeared.find(({ ref }) => server.folders.get(ref)?.epoch === readCursor(cursor).epoch);
        return to ? [{ from: stream, to, sure: server.knowsFolders }] : [];
      });
    },

    async *changes(stream, cursor, since) {
      await enter('changes', stream.ref);
      const pages = changes(() => folderOf(stream.ref), cursorOf, listedOf, {
        cursor: readCursor(cursor),
        since,
        pageSize,
      });
      for (const page of pages) {
        yield page;
        await enter('changes', stream.ref);
      }
    },

    predates(place, cursor) {
      const { epoch, next, hidden } = readCursor(cursor);
      if (place.epoch !== String(epoch)) return 'unknown';
      return Number(place.ref) < next && !hidden.includes(Number(place.ref));
    },

    async *list(folder, { since, until }) {
      await enter('list', folder.ref);
      const found = folderOf(folder.ref);
      const inRange = ({ receivedAt, hidden }: MemoryMessage) =>
        !hidden && (receivedAt === null || (receivedAt >= since && (!until || receivedAt < until)));
      const rows = [...found.messages.values()].filter(inRange).map((message) => listedOf(found, message));
      for (let at = 0; at < rows.length; at += pageSize) yield rows.slice(at, at + pageSize);
    },

    async *past(folder, { since, until, position }) {
      await enter('past', folder.ref);
      const found = folderOf(folder.ref);
      const inRange = ({ uid, receivedAt, hidden }: MemoryMessage) =>
        !hidden &&
        (position === null || uid < Number(position)) &&
        (receivedAt === null || (receivedAt >= since && (!until || receivedAt < until)));
      const rows = [...found.messages.values()].filter(inRange).sort((a, b) => b.uid - a.uid);
      const { epoch } = found;
      for (let at = 0; at < rows.length; at += pageSize) {
        if (at > 0) await enter('past', folder.ref);
        if (found.epoch !== epoch) throw new EpochChanged();
        const page = rows.slice(at, at + pageSize);
        yield {
          listed: page.map((message) => listedOf(found, message)),
          position: String(page.at(-1)!.uid),
          left: rows.length - at - page.length,
        };
      }
    },

    async *fetch(places) {
      await enter('fetch', places[0]?.folder);
      for (const place of places) {
        try {
          await enter('message', place.folder, Number(place.ref));
          const { raw, receivedAt } = messageAt(server, place);
          yield { place, raw: Readable.from([raw]), size: raw.length, receivedAt };
        } catch (error) {
          if (!(error instanceof ProviderError)) throw error;
          yield { place, failed: error };
        }
      }
    },

    async watch(streams, wake, onError) {
      await enter('watch');
      const byFolder = new Map<string, Stream>(streams.map((stream) => [stream.ref, stream]));
      const wakeFolder = (ref: string) => {
        const stream = byFolder.get(ref);
        if (stream) wake(stream);
      };
      const watcher: Watcher = { folders: new Set(byFolder.keys()), wake: wakeFolder, fail: onError };
      watchers.add(watcher);
      server.watchers.add(watcher);
      for (const stream of streams) setImmediate(() => server.watchers.has(watcher) && wake(stream));
      return async () => {
        server.watchers.delete(watcher);
      };
    },

    async close() {
      closed = true;
      for (const watcher of watchers) server.watchers.delete(watcher);
    },
  };
}

function cursorOf(folder: MemoryFolder): Cursor {
  const hidden = [...folder.messages.values()].filter((message) => message.hidden).map((message) => message.uid);
  return { v: 1, epoch: folder.epoch, position: folder.log.length, next: folder.next, hidden };
}

function listedOf(folder: MemoryFolder, message: MemoryMessage): Listed {
  return {
    places: [{ folder: folder.ref, epoch: String(folder.epoch), ref: String(message.uid) }],
    receivedAt: message.receivedAt,
    size: message.raw.length,
    flags: [...message.flags],
    head: message.unreadable === null ? parseHead(message.raw) : { unreadable: message.unreadable },
  };
}

function messageAt(server: MemoryMailbox, place: Place): MemoryMessage {
  const folder = server.folders.get(place.folder);
  const message = folder && String(folder.epoch) === place.epoch ? folder.messages.get(Number(place.ref)) : undefined;
  if (!message || message.hidden) throw new ProviderError('gone', 'This message is no longer in the mailbox.');
  return message;
}
