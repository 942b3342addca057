import type { Readable } from 'node:stream';
import type { Head } from '../mail/head.ts';

/** What a folder is for (RFC 6154 special use; inbox by RFC 9051). */
export type FolderRole = 'inbox' | 'sent' | 'drafts' | 'archive' | 'all' | 'junk' | 'trash' | 'flagged';

/** A folder of a mailbox: an IMAP mailbox, a Gmail label, a Graph mailFolder, a JMAP Mailbox. `ref` is the provider's own name for it. */
export interface Folder {
  ref: string;
  name: string;
  role: FolderRole | null;
  selectable: boolean;
}

/** What a cursor belongs to: a folder (IMAP, Graph) or a whole mailbox (Gmail, JMAP, Nylas). */
export interface Stream {
  ref: string;
  /** The refs of the folders that it covers. */
  folders: string[];
}

/** How far a stream has been read. Opaque to the engine, versioned, checked when it is read back. */
export type Cursor = string;

/** Where one message lies: the ledger's key together with the connection. `epoch` is IMAP's UIDVALIDITY, '' elsewhere. */
export interface Place {
  folder: string;
  epoch: string;
  ref: string;
}

/** What a server tells of a message without reading it; null: it doesn't. */
export interface Told {
  /** When the server received it (INTERNALDATE). */
  receivedAt: Date | null;
  /** Bytes. */
  size: number | null;
}

/** A message to be fetched, with what a listing told of it: that isn't asked for again. */
export type Wanted = Place & Partial<Told>;

/** One listed message, before anything but its head has been read. */
export interface Listed extends Told {
  /** Every folder that holds it: one place for each. */
  places: Place[];
  flags: string[];
  /** The head, or why it can't be read: such a message is quarantined. */
  head: Head | { unreadable: string };
}

/** A bounded part of what changed. The cursor covers all pages up to this one. */
export interface Page {
  listed: Listed[];
  vanished: Place[];
  cursor: Cursor;
  /** The folder's older epochs are void: what follows lists it anew under this epoch. `backwards`: its number is lower, which no server may do. */
  reset?: { folder: string; epoch: string; backwards?: boolean };
}

/** A bounded part of what a folder held before, newest first. */
export interface PastPage {
  listed: Listed[];
  /** All that is newer than this place in the folder has been listed; null: nothing yet. Opaque, good within one epoch. */
  position: string | null;
  /** How many messages are still to come, as far as the server can tell. */
  left: number;
}

/** A stream that has a new name. `sure`: by an id that the server never gives to another; else its numbering is the same. */
export interface Renamed {
  from: Stream;
  to: Stream;
  sure: boolean;
}

/** One fetched message: its raw form, to be read to the end before the next is asked for, or why there is none. */
export type Fetched =
  | { place: Place; raw: Readable; size: number | null; receivedAt: Date | null }
  | { place: Place; failed: ProviderError };

/** Who the open mailbox belongs to: is this the mailbox that was asked for? */
export interface Identity {
  /** '' where the provider only knows a sign-in name that is no address (some IMAP servers): then nothing can be compared. */
  address: string;
  aliases: string[];
  /** The provider's immutable id of the mailbox, where it has one. */
  subject: string | null;
}

/**
 * An open mailbox. Every method throws ProviderError and nothing else. None changes anything on the server but send().
 */
export interface Mailbox {
  whoami(): Promise<Identity>;
  folders(): Promise<Folder[]>;
  streams(folders: Folder[]): Stream[];
  /** The stream's cursor now, taken before anything is listed. */
  start(stream: Stream): Promise<Cursor>;
  /** Of these streams, those worth asking: the sweep, in as few round trips as the server allows. */
  stale(streams: { stream: Stream; cursor: Cursor }[]): Promise<Stream[]>;
  /**
   * Which of the streams that are gone live on under a new name among those that appeared. Where it isn't sure there may be several answers for one stream, or chance
   * ones: the caller compares messages.
   */
  renamed(gone: { stream: Stream; cursor: Cursor }[], appeared: Stream[]): Promise<Renamed[]>;
  /**
   * What changed since the cursor, page by page; nothing new yields no page (a page may be empty and only move the cursor). `since` bounds a listing that
   * must start over. It may list a message again: rows are keyed by place. A folder that is no more: ProviderError 'gone'.
   * The next page may be asked for while fetch() is under way.
   */
  changes(stream: Stream, cursor: Cursor, since: Date): AsyncIterable<Page>;
  /** Whether the message was already there when the cursor was taken; 'unknown' across epochs. Pure. */
  predates(place: Place, cursor: Cursor): boolean | 'unknown';
  /**
   * What a folder holds now (check, history), by receive time from `since` to before `until`. Give the stream's cursor where there is one: places then have
   * the epochs that changes() gives them, also where a server has gone back to an earlier UIDVALIDITY. Throws EpochChanged, as past() does.
   */
  list(folder: Folder, range: { since: Date; until?: Date; cursor?: Cursor }): AsyncIterable<Listed[]>;
  /**
   * The same range, newest first by the folder's own order, from a position of an earlier page on (null: from the newest): a long listing can be left and taken up
   * again. The places have the epochs that changes() gives them after the cursor; the caller compares them with the folder's. Nothing in range: no page.
   */
  past(
    folder: Folder,
    range: { since: Date; until?: Date; cursor: Cursor; position: string | null },
  ): AsyncIterable<PastPage>;
  /**
   * Raw messages in the order of the places; each place is answered exactly once: `failed` ('gone': deleted, or its folder or epoch is no more) concerns
   * that message alone. It throws only when the mailbox itself can't be reached.
   */
  fetch(places: Wanted[]): AsyncIterable<Fetched>;
  /**
   * Calls wake(stream) when a stream may have news, and once for each stream at the beginning; it carries no data. Errors end it: onError is called once.
   */
  watch(
    streams: Stream[],
    wake: (stream: Stream) => void,
    onError: (error: ProviderError) => void,
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export type ProviderErrorKind = 'auth' | 'rate-limit' | 'transient' | 'gone' | 'unsupported' | 'protocol';

/**
 * What lies behind a kind, where an answer to a person depends on it: the server can't be reached or stalls; the connection would not be private (certificate,
 * no TLS); the host may not be used from here.
 */
export type ProviderErrorReason = 'unreachable' | 'insecure' | 'not-allowed';

/**
 * Every failure of a provider. `message` and `hint` are for people and never hold a secret; `retryAfter` in seconds. `folderOnly`: the server refuses this folder, or what
 * was asked of it; the mailbox's others may well be read.
 */
export class ProviderError extends Error {
  readonly kind: ProviderErrorKind;
  readonly reason: ProviderErrorReason | undefined;
  readonly retryAfter: number | undefined;
  readonly hint: string | undefined;
  readonly folderOnly: boolean;

  constructor(
    kind: ProviderErrorKind,
    message: string,
    options: {
      cause?: unknown;
      retryAfter?: number;
      hint?: string;
      reason?: ProviderErrorReason;
      folderOnly?: boolean;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProviderError';
    this.kind = kind;
    this.reason = options.reason;
    this.retryAfter = options.retryAfter;
    this.hint = options.hint;
    this.folderOnly = options.folderOnly ?? false;
  }
}

/** The folder got another epoch while it was being read under one: that reading is void, and changes() tells of the new one. */
export class EpochChanged extends ProviderError {
  constructor() {
    super('transient', 'The server renumbered the folder while it was being read.', { folderOnly: true });
  }
}

/** How a provider's mailboxes are opened. Settings and credentials are checked here: both come from outside. */
export interface Provider {
  name: string;
  /** Under which name the mailbox's server gives its verdicts about senders (RFC 8601), where that is known of it; "*.example.com" for any of its hosts. */
  authserv?(settings: unknown): string | null;
  /** Throws ProviderError (auth: the server refused the sign-in). */
  open(settings: unknown, credentials: unknown): Promise<Mailbox>;
}
