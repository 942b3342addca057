import type { FolderRole, Place, ProviderError } from '../provider.ts';

export interface MemoryMessage {
  uid: number;
  raw: Buffer;
  receivedAt: Date | null;
  flags: string[];
  /** Not shown yet: a server that gives out UIDs before the message can be seen. */
  hidden: boolean;
  /** The head can't be read, and why. */
  unreadable: string | null;
}

export interface MemoryFolder {
  ref: string;
  role: FolderRole | null;
  selectable: boolean;
  epoch: number;
  next: number;
  messages: Map<number, MemoryMessage>;
  /** What happened since the epoch began. A cursor is a position in it. `again`: was there before the epoch. */
  log: { kind: 'appeared' | 'vanished'; uid: number; again: boolean }[];
}

export type MemoryMethod =
  | 'open'
  | 'whoami'
  | 'folders'
  | 'start'
  | 'stale'
  | 'renamed'
  | 'changes'
  | 'list'
  | 'past'
  | 'fetch'
  | 'message'
  | 'watch';

interface Fault {
  method: MemoryMethod;
  error: ProviderError;
  /** Only for this folder, or message ('message': the fetching of one message). */
  folder?: string;
  uid?: number;
  times: number;
}

export interface Watcher {
  folders: Set<string>;
  wake(folder: string): void;
  fail(error: ProviderError): void;
}

/** One mailbox that lives in memory, with the handles that tests pull: what people and servers do to a mailbox. */
export class MemoryMailbox {
  readonly address: string;
  password: string;
  readonly folders = new Map<string, MemoryFolder>();
  readonly watchers = new Set<Watcher>();
  /** Calls by method, for tests that count round trips. */
  readonly calls: Partial<Record<MemoryMethod, number>> = {};
  /** It has ids of folders that stay when they are renamed. */
  knowsFolders = true;
  /** A folder that is renamed is numbered anew (Courier). */
  renumbersOnRename = false;
  /** Milliseconds before each answer. */
  latency = 0;
  private readonly faults: Fault[] = [];
  private nextEpoch = 1;

  constructor(address: string, password: string) {
    this.address = address;
    this.password = password;
    this.createFolder('INBOX', { role: 'inbox' });
    this.createFolder('Sent', { role: 'sent' });
  }

  createFolder(ref: string, options: { role?: FolderRole; selectable?: boolean } = {}): MemoryFolder {
    const folder: MemoryFolder = {
      ref,
      role: options.role ?? null,
      selectable: options.selectable ?? true,
      epoch: (this.nextEpoch += 1),
      next: 1,
      messages: new Map(),
      log: [],
    };
    this.folders.set(ref, folder);
    return folder;
  }

  deleteFolder(ref: string): void {
    this.folders.delete(ref);
    this.wake(ref);
  }

  renameFolder(ref: string, to: string): void {
    const folder = this.folder(ref);
    this.folders.delete(ref);
    folder.ref = to;
    this.folders.set(to, folder);
    if (this.renumbersOnRename) this.renewEpoch(to);
    this.wake(ref);
  }

  append(
    ref: string,
    raw: string | Buffer,
    options: { receivedAt?: Date | null; flags?: string[]; hidden?: boolean } = {},
  ): Place {
    const folder = this.folder(ref);
    const uid = folder.next;
    folder.next += 1;
    const { receivedAt = new Date(), flags = [], hidden = false } = options;
    folder.messages.set(uid, { uid, raw: Buffer.from(raw), receivedAt, flags, hidden, unreadable: null });
    if (!hidden) this.happened(folder, 'appeared', uid);
    return { folder: ref, epoch: String(folder.epoch), ref: String(uid) };
  }

  /** Shows a message that was appended hidden. */
  reveal(place: Place): void {
    const message = this.message(place);
    message.hidden = false;
    this.happened(this.folder(place.folder), 'appeared', message.uid);
  }

  move(place: Place, to: string): Place {
    const { raw, receivedAt, flags } = this.message(place);
    const moved = this.append(to, raw, { receivedAt, flags });
    this.delete(place);
    return moved;
  }

  delete(place: Place): void {
    const folder = this.folder(place.folder);
    const { uid } = this.message(place);
    folder.messages.delete(uid);
    this.happened(folder, 'vanished', uid);
  }

  setFlags(place: Place, flags: string[]): void {
    this.message(place).flags = flags;
  }

  makeUnreadable(place: Place, why: string | null): void {
    this.message(place).unreadable = why;
  }

  /** UIDVALIDITY changes, to this one: every message gets a new UID. */
  renewEpoch(ref: string, epoch = (this.nextEpoch += 1)): void {
    const folder = this.folder(ref);
    const kept = [...folder.messages.values()];
    folder.epoch = epoch;
    folder.messages.clear();
    folder.next = 1;
    folder.log.length = 0;
    for (const message of kept) {
      message.uid = folder.next;
      folder.next += 1;
      folder.messages.set(message.uid, message);
      folder.log.push({ kind: 'appeared', uid: message.uid, again: true });
    }
    this.wake(ref);
  }

  /** The next `times` calls of a method fail (of one folder, or of one message with method 'message'). */
  fail(
    method: MemoryMethod,
    error: ProviderError,
    options: { folder?: string; place?: Place; times?: number } = {},
  ): void {
    const folder = options.place?.folder ?? options.folder;
    const uid = options.place && Number(options.place.ref);
    this.faults.push({ method, error, folder, uid, times: options.times ?? 1 });
  }

  /** Ends every watch, as a lost connection does. */
  breakWatches(error: ProviderError): void {
    const broken = [...this.watchers];
    this.watchers.clear();
    for (const watcher of broken) watcher.fail(error);
  }

  /** What each call goes through: it is counted, takes its time, and fails if it shall. */
  async enter(method: MemoryMethod, folder?: string, uid?: number): Promise<void> {
    this.calls[method] = (this.calls[method] ?? 0) + 1;
    await new Promise((resolve) => {
      if (this.latency > 0) setTimeout(resolve, this.latency);
      else setImmediate(resolve);
    });
    const fault = this.faults.find(
      (entry) =>
        entry.method === method &&
        (entry.folder === undefined || entry.folder === folder) &&
        (entry.uid === undefined || entry.uid === uid),
    );
    if (!fault) return;
    fault.times -= 1;
    if (fault.times <= 0) this.faults.splice(this.faults.indexOf(fault), 1);
    throw fault.error;
  }

  private folder(ref: string): MemoryFolder {
    const folder = this.folders.get(ref);
    if (!folder) throw new Error(`The test names a folder that is not there: ${ref}`);
    return folder;
  }

  private message(place: Place): MemoryMessage {
    const message = this.folder(place.folder).messages.get(Number(place.ref));
    if (!message) throw new Error(`The test names a message that is not there: ${place.folder} ${place.ref}`);
    return message;
  }

  private happened(folder: MemoryFolder, kind: 'appeared' | 'vanished', uid: number): void {
    folder.log.push({ kind, uid, again: false });
    this.wake(folder.ref);
  }

  private wake(ref: string): void {
    for (const watcher of this.watchers) {
      if (watcher.folders.has(ref)) setImmediate(() => this.watchers.has(watcher) && watcher.wake(ref));
    }
  }
}

/** Mailboxes by address. */
export class MemoryServer {
  readonly mailboxes = new Map<string, MemoryMailbox>();

  mailbox(address: string, password = 'secret'): MemoryMailbox {
    const known = this.mailboxes.get(address);
    if (known) return known;
    const mailbox = new MemoryMailbox(address, password);
    this.mailboxes.set(address, mailbox);
    return mailbox;
  }
}
