import net from 'node:net';
import { createAddressGuard } from '../../src/net/guard.ts';
import { type ImapOptions, imapProvider } from '../../src/providers/imap/provider.ts';
import type { Mailbox } from '../../src/providers/provider.ts';

export interface OddMessage {
  uid: number;
  head: string;
  body: string;
  /** Has its UID, but is not shown. */
  hidden?: boolean;
  /** Listed, but without its head or text when asked for them. */
  withheld?: boolean;
  /** The connection ends when it is asked for. */
  deadly?: boolean;
  /** Its size is said to be so many bytes. */
  saidSize?: number;
  /** Its literals are said to be so many bytes longer than they are. */
  longer?: number;
}

/** An IMAP server that does what servers are not supposed to. One folder, any password. The test changes its fields as it goes. */
export interface OddImap {
  port: number;
  messages: OddMessage[];
  uidValidity: number;
  uidNext: number | null;
  /** Gives the folder a new UIDVALIDITY whenever it is opened or asked about: as long as it is empty (Courier), or always. */
  renumbers: 'empty' | 'always' | null;
  internalDate: boolean;
  searches: boolean;
  /** Says nothing more to commands that begin with this. */
  mute: string | null;
  /** Ends the connection at commands that begin with this. */
  hangsUp: string | null;
  /** Ends the connection at a longer command. */
  longestLine: number;
  /** What it says, by its own mind, to a command; null: the usual. After a BYE the connection ends. */
  script: (command: string, tag: string) => string[] | null;
  capabilities: string;
  /** The code in the answer to EXAMINE (RFC 7162, 3.1.2). */
  modSeq: string | null;
  /** Gives the whole of a message where a part of it is asked for. */
  ignoresParts: boolean;
  /** Bytes that were sent on each connection that has ended. */
  sent: number[];
  /** How many connections were made. */
  connections: number;
  /** Names of the folders, as they stand in the answer to LIST. */
  folders: string[];
  /** Never ends the list of folders. */
  listsForever: boolean;
  lines: string[];
  append(id: string, options?: Partial<OddMessage>): OddMessage;
  [Symbol.dispose](): void;
}

/** Its mailbox, as the adapter opens it. */
export function openOddMailbox({ port }: OddImap, options: Partial<ImapOptions>): Promise<Mailbox> {
  const provider = imapProvider({ guard: createAddressGuard(['127.0.0.1']), ...options });
  return provider.open({ host: '127.0.0.1', port, security: 'plain', user: 'bob' }, { password: 'secret' });
}

export async function startOddImap(): Promise<OddImap> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    odd.connections += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      odd.sent.push(socket.bytesWritten - socket.writableLength);
    });
    socket.write('* OK odd\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      rest += chunk.toString();
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const [tag = '', ...words] = rest.slice(0, end).split(' ');
        rest = rest.slice(end + 2);
        answer(odd, socket, tag, words.join(' '));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const odd: OddImap = {
    port: (server.address() as net.AddressInfo).port,
    messages: [],
    uidValidity: 7,
    uidNext: 1,
    renumbers: null,
    internalDate: true,
    searches: true,
    mute: null,
    hangsUp: null,
    longestLine: Infinity,
    script: () => null,
    capabilities: 'IMAP4rev1',
    modSeq: null,
    ignoresParts: false,
    sent: [],
    connections: 0,
    folders: ['INBOX', 'INBOX.Gesendet'],
    listsForever: false,
    lines: [],
    append(id, options = {}) {
      const uid = options.uid ?? Math.max(this.uidNext ?? 0, ...this.messages.map((message) => message.uid + 1), 1);
      const message = {
        uid,
        head: `Message-ID: <${id}>\r\nFrom: a@x.example\r\n\r\n`,
        body: `text of ${id}`,
        ...options,
      };
      this.messages.push(message);
      this.messages.sort((a, b) => a.uid - b.uid);
      if (this.uidNext !== null) this.uidNext = Math.max(this.uidNext, uid + 1);
      return message;
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return odd;
}

function answer(odd: OddImap, socket: net.Socket, tag: string, command: string): void {
  odd.lines.push(command);
  const say = (...lines: string[]) => socket.write(lines.map((line) => `${line}\r\n`).join(''));
  const shown = odd.messages.filter((message) => !message.hidden);
  if (odd.mute !== null && command.startsWith(odd.mute)) return;
  if (odd.hangsUp !== null && command.startsWith(odd.hangsUp)) return void socket.destroy();
  if (command.length > odd.longestLine) return void socket.destroy();
  const scripted = odd.script(command, tag);
  if (scripted) {
    say(...scripted);
    if (scripted.some((line) => line.startsWith('* BYE'))) socket.end();
    return;
  }
  const name = command.replace(/^UID /, '').split(' ')[0];
  const renumbers = odd.renumbers === 'always' || (odd.renumbers === 'empty' && shown.length === 0);
  if (renumbers && (name === 'EXAMINE' || name === 'STATUS')) odd.uidValidity += 1;
  if (name === 'CAPABILITY') say(`* CAPABILITY ${odd.capabilities}`, `${tag} OK`);
  else if (name === 'EXAMINE') {
    say(`* ${shown.length} EXISTS`, `* OK [UIDVALIDITY ${odd.uidValidity}]`);
    if (odd.uidNext !== null) say(`* OK [UIDNEXT ${odd.uidNext}]`);
    if (odd.modSeq !== null) say(`* OK [${odd.modSeq}]`);
    say(`${tag} OK [READ-ONLY]`);
  } else if (command === 'LIST "" ""') say('* LIST (\\Noselect) "." ""', `${tag} OK`);
  else if (name === 'LIST' && odd.listsForever) flood(socket, `* LIST () "." ${'more'.repeat(150)}\r\n`.repeat(200));
  else if (name === 'LIST') say(...odd.folders.map((folder) => `* LIST () "." ${folder}`), `${tag} OK`);
  else if (name === 'STATUS') {
    const next = odd.uidNext === null ? '' : ` UIDNEXT ${odd.uidNext}`;
    say(`* STATUS INBOX (MESSAGES ${shown.length} UIDVALIDITY ${odd.uidValidity}${next})`, `${tag} OK`);
  } else if (name === 'SEARCH') {
    if (odd.searches) say(`* SEARCH ${shown.map((message) => message.uid).join(' ')}`, `${tag} OK`);
    else say(`${tag} NO can't`);
  } else if (name === 'FETCH') void fetch(odd, socket, tag, command, shown);
  else say(`${tag} OK`);
}

function flood(socket: net.Socket, lines: string): void {
  if (!socket.writable) return;
  if (socket.write(lines)) setImmediate(() => flood(socket, lines));
  else socket.once('drain', () => flood(socket, lines));
}

function taken(socket: net.Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
}

async function fetch(
  odd: OddImap,
  socket: net.Socket,
  tag: string,
  command: string,
  shown: OddMessage[],
): Promise<void> {
  const byUid = command.startsWith('UID ');
  const [set = '', ...items] = command.replace(/^(UID )?FETCH /, '').split(' ');
  const asked = items.join(' ');
  const last = byUid ? (shown.at(-1)?.uid ?? 0) : shown.length;
  const ranges = set.split(',').map((part) => {
    const [from = 0, to = from] = part.split(':').map((word) => (word === '*' ? last : Number(word)));
    return [Math.min(from, to), Math.max(from, to)] as const;
  });
  for (const [index, message] of shown.entries()) {
    const number = byUid ? message.uid : index + 1;
    if (!ranges.some(([from, to]) => number >= from && number <= to)) continue;
    const wantsText = asked.includes('BODY.PEEK');
    if (wantsText && message.deadly) return void socket.destroy();
    const parts = [`UID ${message.uid}`];
    if (asked.includes('RFC822.SIZE'))
      parts.push(`RFC822.SIZE ${message.saidSize ?? message.head.length + message.body.length}`);
    if (asked.includes('INTERNALDATE') && odd.internalDate) parts.push('INTERNALDATE "01-Nov-2026 10:00:00 +0000"');
    if (wantsText && !message.withheld) {
      const whole = asked.includes('HEADER.FIELDS') ? message.head : message.head + message.body;
      const [, from, length] = (!odd.ignoresParts && /<(\d+)\.(\d+)>/.exec(asked)) || [];
      const text = from === undefined ? whole : whole.slice(Number(from), Number(from) + Number(length));
      const origin = from === undefined ? '' : `<${from}>`;
      parts.push(
        `${asked.includes('HEADER.FIELDS') ? 'BODY[HEADER.FIELDS (FROM)]' : `BODY[]${origin}`} {${text.length + (message.longer ?? 0)}}\r\n${text}`,
      );
    }
    // Behind it, a change of flags of another message, told by the way.
    const news = `* 1 FETCH (UID ${shown[0]?.uid} FLAGS (\\Seen))`;
    if (!socket.write(`* ${index + 1} FETCH (${parts.join(' ')})\r\n${news}\r\n`)) await taken(socket);
    if (socket.destroyed) return;
  }
  socket.write(`${tag} OK\r\n`);
}
