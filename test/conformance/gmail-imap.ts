import net from 'node:net';
import { once } from 'node:events';

interface GmailMessage {
  /** X-GM-MSGID; the thread has the id of its first message. */
  id: string;
  raw: string;
  labels: Set<string>;
  receivedAt: Date;
  /** Its UID in each folder that shows it. */
  uids: Map<string, number>;
}

/** A mailbox as Gmail shows it by IMAP (developers.google.com/workspace/gmail/imap): folders are labels, and All Mail has everything but spam and trash. */
export interface GmailImap {
  port: number;
  messages: GmailMessage[];
  /** How often a text was given, by X-GM-MSGID. */
  texts: Map<string, number>;
  /** Labels as X-GM-LABELS names them: \\Inbox, \\Sent, \\Draft, or a user's own. */
  append(raw: string, ...labels: string[]): GmailMessage;
  label(message: GmailMessage, label: string): void;
  unlabel(message: GmailMessage, label: string): void;
  /** The folder of a user's own label keeps its numbers. */
  renameLabel(from: string, to: string): void;
  deleteLabel(label: string): void;
  [Symbol.dispose](): void;
}

const allMail = '[Gmail]/All Mail';
const system: [string, string, string][] = [
  ['INBOX', '\\HasNoChildren', '\\Inbox'],
  ['[Gmail]', '\\HasChildren \\Noselect', ''],
  [allMail, '\\All \\HasNoChildren', ''],
  ['[Gmail]/Drafts', '\\Drafts \\HasNoChildren', '\\Draft'],
  ['[Gmail]/Important', '\\HasNoChildren \\Important', '\\Important'],
  ['[Gmail]/Sent Mail', '\\HasNoChildren \\Sent', '\\Sent'],
  ['[Gmail]/Spam', '\\HasNoChildren \\Junk', '\\Spam'],
  ['[Gmail]/Starred', '\\Flagged \\HasNoChildren', '\\Starred'],
  ['[Gmail]/Trash', '\\HasNoChildren \\Trash', '\\Trash'],
];
const capabilities =
  'IMAP4rev1 UNSELECT NAMESPACE ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE';

export async function startGmailImap(): Promise<GmailImap> {
  const sockets = new Set<net.Socket>();
  /** Folder → its UIDVALIDITY and UIDNEXT. */
  const folders = new Map<string, { epoch: number; next: number }>();
  const numbersOf = (folder: string) => {
    const numbers = folders.get(folder) ?? { epoch: 600 + folders.size, next: 1 };
    folders.set(folder, numbers);
    return numbers;
  };
  for (const [folder] of system) numbersOf(folder);
  const folderOf = (label: string) => system.find(([, , name]) => name === label)?.[0] ?? label;
  const show = (message: GmailMessage, folder: string) => {
    const numbers = numbersOf(folder);
    message.uids.set(folder, numbers.next);
    numbers.next += 1;
  };

  const gmail: GmailImap = {
    port: 0,
    messages: [],
    texts: new Map(),
    append(raw, ...labels) {
      const id = String(1_278_455_344_230_334_865n + BigInt(gmail.messages.length));
      const message: GmailMessage = { id, raw, labels: new Set(), receivedAt: new Date(), uids: new Map() };
      gmail.messages.push(message);
      show(message, allMail);
      for (const label of labels) gmail.label(message, label);
      return message;
    },
    label(message, label) {
      message.labels.add(label);
      show(message, folderOf(label));
    },
    unlabel(message, label) {
      message.labels.delete(label);
      message.uids.delete(folderOf(label));
    },
    renameLabel(from, to) {
      folders.set(to, numbersOf(from));
      folders.delete(from);
      for (const message of gmail.messages.filter(({ labels }) => labels.has(from))) {
        message.labels.delete(from);
        message.labels.add(to);
        message.uids.set(to, message.uids.get(from)!);
        message.uids.delete(from);
      }
    },
    deleteLabel(label) {
      for (const message of gmail.messages) if (message.labels.has(label)) gmail.unlabel(message, label);
      folders.delete(label);
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };

  const serve = (socket: net.Socket) => {
    let open = '';
    const say = (...lines: string[]) => socket.write(lines.map((line) => `${line}\r\n`).join(''));
    const shownIn = (folder: string) =>
      gmail.messages.filter(({ uids }) => uids.has(folder)).sort((a, b) => a.uids.get(folder)! - b.uids.get(folder)!);
    const stateOf = (folder: string) => {
      const { epoch, next } = folders.get(folder)!;
      return `* STATUS "${folder}" (MESSAGES ${shownIn(folder).length} UIDNEXT ${next} UIDVALIDITY ${epoch})`;
    };
    const within = (set: string, byUid: boolean) => {
      const shown = shownIn(open);
      const last = byUid ? (shown.at(-1)?.uids.get(open) ?? 0) : shown.length;
      const ranges = set.split(',').map((part) => {
        const [from = 0, to = from] = part.split(':').map((word) => (word === '*' ? last : Number(word)));
        return [Math.min(from, to), Math.max(from, to)] as const;
      });
      return shown.flatMap((message, index) => {
        const number = byUid ? message.uids.get(open)! : index + 1;
        return ranges.some(([from, to]) => number >= from && number <= to) ? [{ message, seq: index + 1 }] : [];
      });
    };
    const fetched = ({ message, seq }: { message: GmailMessage; seq: number }, items: string) => {
      const { raw, labels, id } = message;
      const parts = [`UID ${message.uids.get(open)}`];
      if (items.includes('RFC822.SIZE')) parts.push(`RFC822.SIZE ${raw.length}`);
      if (items.includes('INTERNALDATE')) parts.push(`INTERNALDATE "${internalDate(message.receivedAt)}"`);
      if (items.includes('FLAGS')) parts.push('FLAGS (\\Seen)');
      if (items.includes('X-GM-LABELS')) {
        // Of the folder that is open, the label isn't named.
        const others = [...labels].filter((label) => folderOf(label) !== open);
        parts.push(`X-GM-LABELS (${others.map((label) => `"${label.replace('\\', '\\\\')}"`).join(' ')})`);
      }
      if (items.includes('X-GM-MSGID')) parts.push(`X-GM-MSGID ${id}`);
      if (items.includes('X-GM-THRID')) parts.push(`X-GM-THRID ${id}`);
      const head = raw.slice(0, raw.indexOf('\r\n\r\n') + 4);
      if (items.includes('HEADER.FIELDS')) parts.push(`BODY[HEADER.FIELDS (FROM)] {${head.length}}\r\n${head}`);
      else if (items.includes('BODY.PEEK[]')) {
        gmail.texts.set(id, (gmail.texts.get(id) ?? 0) + 1);
        parts.push(`BODY[] {${raw.length}}\r\n${raw}`);
      }
      return `* ${seq} FETCH (${parts.join(' ')})`;
    };
    const answer = (tag: string, command: string) => {
      const [name, first = ''] = command.replace(/^UID /, '').split(' ');
      const folder = /^\S+ "?([^"]*?)"?(?: \(.*)?$/.exec(command)?.[1] ?? '';
      if (name === 'CAPABILITY') say(`* CAPABILITY ${capabilities}`, `${tag} OK`);
      else if (name === 'LIST' && command.includes('RETURN (STATUS'))
        say(
          ...[...folders.keys()]
            .filter((one) => command.includes(`"${one}"`) || command.includes(`(${one} `))
            .map(stateOf),
          `${tag} OK`,
        );
      else if (name === 'LIST' && command.endsWith('"" ""')) say('* LIST (\\Noselect) "/" ""', `${tag} OK`);
      else if (name === 'LIST') {
        const flags = (one: string) => system.find(([known]) => known === one)?.[1] ?? '\\HasNoChildren';
        say(...[...folders.keys()].map((one) => `* LIST (${flags(one)}) "/" "${one}"`), `${tag} OK`);
      } else if ((name === 'EXAMINE' || name === 'STATUS') && !folders.has(folder))
        say(`${tag} NO [NONEXISTENT] Unknown Mailbox: ${folder} (Failure)`);
      else if (name === 'STATUS') say(stateOf(folder), `${tag} OK`);
      else if (name === 'EXAMINE') {
        open = folder;
        const { epoch, next } = folders.get(open)!;
        say(
          `* ${shownIn(open).length} EXISTS`,
          `* OK [UIDVALIDITY ${epoch}]`,
          `* OK [UIDNEXT ${next}]`,
          '* OK [HIGHESTMODSEQ 5000]',
          `${tag} OK [READ-ONLY]`,
        );
      } else if (name === 'SEARCH') {
        const set = / UID (\S+)/.exec(command.slice(4))?.[1] ?? '1:*';
        const uids = within(set, true).map(({ message }) => message.uids.get(open));
        say(
          command.includes('RETURN')
            ? `* ESEARCH (TAG "${tag}") UID${uids.length ? ` ALL ${uids.join(',')}` : ''}`
            : `* SEARCH ${uids.join(' ')}`,
          `${tag} OK`,
        );
      } else if (name === 'FETCH')
        say(...within(first, command.startsWith('UID')).map((one) => fetched(one, command)), `${tag} OK Success`);
      else say(`${tag} OK`);
    };
    let rest = '';
    socket.write('* OK Gimap ready\r\n');
    socket.on('data', (chunk) => {
      rest += chunk.toString();
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const [tag = '', ...words] = rest.slice(0, end).split(' ');
        rest = rest.slice(end + 2);
        answer(tag, words.join(' '));
      }
    });
  };

  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gmail.port = (server.address() as net.AddressInfo).port;
  return gmail;
}

function internalDate(at: Date): string {
  const [, day, month, year, time] = / (\d+) (\w+) (\d+) ([\d:]+)/.exec(at.toUTCString())!;
  return `${day}-${month}-${year} ${time} +0000`;
}
