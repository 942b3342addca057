import { z } from 'zod';
import { addressKey } from '../../mail/address.ts';
import type { AddressGuard } from '../../net/guard.ts';
import { type ImapSettings, imapSettings } from '../imap-settings.ts';
import { authservForHost } from '../well-known.ts';
import { type Cursor, type Listed, type Mailbox, type Provider, ProviderError } from '../provider.ts';
import { changes, readAhead } from './changes.ts';
import { connect, secureContextWith } from './connect.ts';
import { cursorIn, type ImapCursor, predates, readCursor, writeCursor } from './cursor.ts';
import { TooManyConnections } from './errors.ts';
import { fetchRaw } from './fetch.ts';
import { HeadReader } from './heads.ts';
import { newestFirst } from './past.ts';
import { listFolders } from './list-folders.ts';
import { cursorNow, epochFor, uidsSince } from './look.ts';
import { renamed } from './renamed.ts';
import { Session } from './session.ts';
import { type Dial, Sessions } from './sessions.ts';
import { Slots } from './slots.ts';
import { isAsBefore, stale } from './stale.ts';
import { watch, type WatchOptions } from './watch.ts';

export interface ImapOptions {
  guard: AddressGuard;
  /** PEM of a CA that is trusted beside the usual ones. */
  ca?: string;
  /** How long a server may be silent. */
  timeoutSeconds?: number;
  /** How often a quiet connection is tried: with `timeoutSeconds` this is how long a dead one may go unnoticed. */
  refreshSeconds?: number;
  /** How many folders of a mailbox get a connection of their own to watch them; see WatchOptions. */
  watchConnections?: number;
  pollSeconds?: number;
  /** How long a connection waits for another of the same mailbox to end where the server allows no more. */
  slotSeconds?: number;
  /** The most connections to one server; see Slots. */
  connectionsPerServer?: number;
  /** A watching connection that broke sooner than this ends the watch; one that lasted longer is opened again. */
  settledSeconds?: number;
  /** After how long the connection for all else is closed when it is not used. */
  quietSeconds?: number;
}

// RFC 4616: NUL can't be sent. Everything else can, in UTF-8.
const credentials = z.object({
  password: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[^\0\r\n]*$/),
});

/** Mailboxes by IMAP. Settings: ImapSettings; credentials: { password }. Nothing on the server is changed: EXAMINE and BODY.PEEK only. */
export function imapProvider(options: ImapOptions): Provider {
  const { timeoutSeconds = 60, refreshSeconds = 50 } = options;
  const slots = new Slots((options.slotSeconds ?? 30) * 1000, options.connectionsPerServer ?? Infinity);
  const connecting = {
    guard: options.guard,
    secureContext: secureContextWith(options.ca),
    timeoutSeconds: Math.min(timeoutSeconds, 20),
    refreshSeconds,
  };
  return {
    name: 'imap',
    authserv(settings) {
      const { data } = imapSettings.safeParse(settings);
      return data ? authservForHost(data.host) : null;
    },
    async open(rawSettings, rawCredentials) {
      const settings = imapSettings.safeParse(rawSettings);
      if (!settings.success)
        throw new ProviderError('unsupported', 'The settings of this mailbox are not complete.', {
          cause: settings.error,
        });
      const secret = credentials.safeParse(rawCredentials);
      if (!secret.success)
        throw new ProviderError('auth', 'The password is missing, or has characters that can not be sent.');
      const { password } = secret.data;
      const { host, user } = settings.data;
      const dial: Dial = async ({ wait }) => {
        const slot = await slots.take(host, user, wait);
        try {
          const client = await connect(settings.data, password, connecting);
          client.once('close', slot.release);
          if (!client.usable) slot.release();
          return new Session(client, { timeoutSeconds, refreshSeconds });
        } catch (error) {
          if (error instanceof TooManyConnections) slot.refused();
          else slot.release();
          throw error;
        }
      };
      const sessions = new Sessions(dial, settings.data, (options.quietSeconds ?? 90) * 1000);
      await sessions.open();
      return imapMailbox(sessions, settings.data, {
        connections: options.watchConnections ?? 1,
        pollSeconds: options.pollSeconds ?? 15,
        settledSeconds: options.settledSeconds ?? 60,
      });
    },
  };
}

function imapMailbox(sessions: Sessions, settings: ImapSettings, watching: WatchOptions): Mailbox {
  /** Folders of which the watching connection has told news since the last pass. */
  const woken = new Set<string>();
  /** Folders that were opened and read to their end. */
  const lookedAt = new Set<string>();
  /** Cursors last met, by folder: they know the folder's epoch. */
  const met = new Map<string, ImapCursor>();
  // A whole listing is compared with the same few cursors.
  const parsed = new Map<Cursor, ImapCursor>();
  const parsedOnce = (text: Cursor): ImapCursor => {
    const known = parsed.get(text);
    if (known) return known;
    if (parsed.size >= 50) parsed.clear();
    const cursor = readCursor(text);
    parsed.set(text, cursor);
    return cursor;
  };
  const meet = (folder: string, cursor: Cursor) => met.set(folder, readCursor(cursor));
  /** Where changes() does without it. */
  const meetReadable = (folder: string, text: Cursor) => {
    const cursor = cursorIn(text);
    if (cursor) met.set(folder, cursor);
  };

  return {
    whoami: async () => ({ address: addressOf(settings), aliases: [], subject: null }),

    folders: () => listFolders(sessions),

    streams: (folders) => folders.filter((folder) => folder.selectable).map(({ ref }) => ({ ref, folders: [ref] })),

    async start(stream) {
      return writeCursor(await cursorNow(sessions, stream.ref));
    },

    async stale(streams) {
      for (const { stream, cursor } of streams) meetReadable(stream.ref, cursor);
      return stale(sessions, streams);
    },

    renamed: (gone, appeared) => renamed(sessions, gone, appeared),

    async *changes(stream, cursor, since) {
      meetReadable(stream.ref, cursor);
      const watched = sessions.isWatched(stream.ref);
      const told = woken.delete(stream.ref) && watched;
      // Only a folder that has something needs another connection than the one that waits in IDLE. Some servers' STATUS lags behind: it is believed of what was looked at once.
      if (!watched && sessions.isWatching) {
        const same = lookedAt.has(stream.ref)
          ? (await stale(sessions, [{ stream, cursor }])).length === 0
          : await isAsBefore(sessions, stream.ref, cursor);
        if (same) return void lookedAt.add(stream.ref);
      }
      for await (const page of changes(sessions, stream.ref, { cursor, since, woken: told })) {
        meet(stream.ref, page.cursor);
        yield page;
      }
      lookedAt.add(stream.ref);
    },

    predates: (place, cursor) => predates(parsedOnce(cursor), place),

    async *list(folder, range) {
      if (range.cursor) meet(folder.ref, range.cursor);
      const { uidValidity, uids } = await uidsSince(sessions, folder.ref, range);
      const reader = new HeadReader(sessions, folder.ref, epochFor(uidValidity, met.get(folder.ref)));
      for await (const heads of readAhead(reader, uids)) yield heads.listed.filter((entry) => isWithin(entry, range));
    },

    async *past(folder, range) {
      meet(folder.ref, range.cursor);
      const { uidValidity, uids } = await uidsSince(sessions, folder.ref, range);
      const reader = new HeadReader(sessions, folder.ref, epochFor(uidValidity, met.get(folder.ref)));
      for await (const page of newestFirst(reader, uids, range.position))
        yield { ...page, listed: page.listed.filter((entry) => isWithin(entry, range)) };
    },

    fetch: (places) => fetchRaw(sessions, settings, places),

    watch: (streams, wake, onError) =>
      watch(sessions, settings, streams, { wake, onError, news: (folder) => woken.add(folder) }, watching),

    close: () => sessions.close(),
  };
}

function isWithin({ receivedAt }: Listed, range: { since: Date; until?: Date }): boolean {
  return receivedAt === null || (receivedAt >= range.since && (!range.until || receivedAt < range.until));
}

/** IMAP tells nobody who they are: the sign-in name is all there is, and it need not be an address. */
function addressOf({ user }: ImapSettings): string {
  return addressKey(user) ? user : '';
}
