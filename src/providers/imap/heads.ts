import { headFields } from '../../mail/parse-head.ts';
import { EpochChanged, type Listed, ProviderError } from '../provider.ts';
import { uidValidityOf } from './cursor.ts';
import { isLost } from './errors.ts';
import { fetchRows, Refused } from './fetch-rows.ts';
import { type HeadRow, takeHeadRows } from './head-rows.ts';
import { Patience } from './patience.ts';
import { inCommands } from './ranges.ts';
import type { Sessions } from './sessions.ts';
import { toListed } from './translate.ts';

/** As many heads are asked for at once at most. */
export const mostHeads = 500;
/** Of heads, which may name an address every ten bytes. */
const mostBytes = 2 * 1024 * 1024;
/** Heads in a row that the server refuses: then it is the folder's trouble too. */
const mostRefused = 20;

export interface Heads {
  listed: Listed[];
  /** Asked for, and meanwhile no longer there. */
  gone: number[];
}

/** Reads heads of a folder in bounded pages; it learns how many heads of this folder fit. */
export class HeadReader {
  private readonly sessions: Sessions;
  private readonly folder: string;
  private readonly epoch: string;
  private size = mostHeads;
  private readonly patience = new Patience();
  /** In a row. */
  private refused: Refused[] = [];

  constructor(sessions: Sessions, folder: string, epoch: string) {
    this.sessions = sessions;
    this.folder = folder;
    this.epoch = epoch;
  }

  /**
   * The heads of the first of these UIDs (ascending), and how many that were. Every one of them is answered for. Throws ProviderError, `folderOnly` behind twenty that the server
   * refused: they are answered for, so that even such a folder comes on.
   */
  async read(uids: number[]): Promise<Heads & { count: number }> {
    if (this.refused.length >= mostRefused) throw refusesAll(this.refused.at(-1)!);
    const [asked = []] = inCommands(uids.slice(0, this.size));
    const heads = await this.readAll(asked);
    this.size = heads.count < asked.length ? Math.max(1, heads.count) : Math.min(mostHeads, this.size * 2);
    return heads;
  }

  private async readAll(asked: number[]): Promise<Heads & { count: number }> {
    try {
      const heads = await this.ask(asked);
      this.patience.succeeded();
      this.refused = [];
      return heads;
    } catch (error) {
      // A single message can be refused, or break the connection, whenever it is asked for: it must not hold up the others.
      const refused = error instanceof Refused ? error : null;
      if (!refused && (error instanceof ProviderError || !isLost(error))) throw error;
      if (!refused) this.patience.failed();
      if (asked.length === 1) {
        const why = refused ? this.refuse(refused) : await this.breakOff();
        return { listed: [this.unreadable(asked[0]!, why)], gone: [], count: 1 };
      }
      const half = asked.length >> 1;
      const first = await this.readAll(asked.slice(0, half));
      if (first.count < half || this.refused.length >= mostRefused) return first;
      const second = await this.readAll(asked.slice(half));
      return {
        listed: [...first.listed, ...second.listed],
        gone: [...first.gone, ...second.gone],
        count: first.count + second.count,
      };
    }
  }

  private refuse(refused: Refused): string {
    this.refused.push(refused);
    return refused.message;
  }

  private async breakOff(): Promise<string> {
    await this.patience.blame(() => this.sessions.run(this.folder, (client) => client.noop()));
    return 'The server breaks off when it is asked for the head of this message.';
  }

  private async ask(asked: number[]): Promise<Heads & { count: number }> {
    const { folder, epoch } = this;
    return this.sessions.run(
      folder,
      async (client, mailbox) => {
        checkEpoch(mailbox, epoch);
        const labels = client.capabilities.has('X-GM-EXT-1');
        const query = { uid: true, flags: true, internalDate: true, size: true, headers: headFields, labels };
        const found = new Map<number, Listed>();
        const wanted = new Set(asked);
        let bytes = 0;
        let cut = false;
        const take = (row: HeadRow) => {
          // Without the head it is a change of flags that the server tells by the way.
          if (cut || !row.headers || !wanted.has(row.uid)) return;
          bytes += row.headers.length;
          cut = bytes > mostBytes && found.size > 0;
          if (!cut) found.set(row.uid, toListed(row, folder, epoch));
        };
        await takeHeadRows(client, take, async () => {
          for await (const row of fetchRows(client, asked, query)) take(row);
        });
        // Servers answer in ascending order; where one does not, only what is complete from the beginning counts.
        const count = cut ? countFrom(asked, found) : asked.length;
        const missing = asked.slice(0, count).filter((uid) => !found.has(uid));
        const still = new Set<number>();
        for await (const row of fetchRows(client, missing, { uid: true })) still.add(row.uid);
        const listed = asked.slice(0, count).flatMap((uid) => {
          const known = found.get(uid);
          if (known) return [known];
          return still.has(uid)
            ? [this.unreadable(uid, 'The server lists this message but does not give its head.')]
            : [];
        });
        return { listed, gone: missing.filter((uid) => !still.has(uid)), count };
      },
      { once: true },
    );
  }

  private unreadable(uid: number, why: string): Listed {
    const places = [{ folder: this.folder, epoch: this.epoch, ref: String(uid) }];
    return { places, receivedAt: null, size: null, flags: [], head: { unreadable: why } };
  }
}

function refusesAll({ words }: Refused): ProviderError {
  const message = `The server refuses one message of this folder after another${words && `: ${words}`}.`;
  return new ProviderError('transient', message, { folderOnly: true });
}

function countFrom(asked: number[], found: Map<number, Listed>): number {
  const last = Math.max(...found.keys());
  const inOrder = asked.findIndex((uid) => uid > last);
  return Math.max(1, inOrder < 0 ? asked.length : inOrder);
}

/** UIDs mean something only under the UIDVALIDITY that they were listed under. Throws EpochChanged. */
export function checkEpoch(mailbox: { uidValidity: bigint } | null, epoch: string): void {
  if (String(mailbox?.uidValidity) !== uidValidityOf(epoch)) throw new EpochChanged();
}
