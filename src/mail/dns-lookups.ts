/**
 * Asks the DNS for the records of a type. Shapes as node:dns gives them: strings for A, AAAA, PTR and CNAME, lists of strings for TXT, { exchange, priority } for MX. Rejects
 * with `code` ENOTFOUND or ENODATA where there are none, with another one where that isn't known.
 */
export type Resolve = (name: string, type: string) => Promise<unknown[]>;

const noRecords = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

/** More than a domain's records may lead to (RFC 7208, section 4.6.4: 10 terms, of which some take more than one question). */
const most = 60;

/** The questions of one message: each is asked once, so many and for so long (milliseconds, from now on) in all. */
export class DnsLookups {
  /** Some question had no answer: what is missing then may be there. */
  unavailable = false;
  /** The time was up while a question was open. */
  late = false;
  private open = 0;
  private readonly answers = new Map<string, Promise<unknown[]>>();
  private readonly ask: Resolve;
  private readonly deadline: Promise<never>;
  private timer: NodeJS.Timeout | null;
  private expire: () => void = () => {};

  constructor(ask: Resolve, milliseconds: number) {
    this.ask = ask;
    this.deadline = new Promise((_resolve, reject) => (this.expire = () => reject(failure('ETIMEOUT'))));
    this.deadline.catch(() => {});
    this.timer = setTimeout(() => {
      this.late = this.open > 0;
      this.end();
    }, milliseconds);
    this.timer.unref();
  }

  readonly resolve: Resolve = (name, type) => {
    const key = `${type} ${name.toLowerCase()}`;
    const known = this.answers.get(key);
    if (known) return known;
    const answer = this.askInTime(name, type);
    answer.catch(() => {});
    this.answers.set(key, answer);
    return answer;
  };

  /** Asks servers that anybody may have set up, to give no answer for example: that counts as none, and says nothing about the DNS. */
  async ofAnybody(name: string, type: string): Promise<unknown[]> {
    return await Promise.race([this.deadline, this.ask(name, type)]).catch(() => []);
  }

  /** No more questions: those that are open fail, those that were answered stay. */
  end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.expire();
  }

  private async askInTime(name: string, type: string): Promise<unknown[]> {
    this.open += 1;
    try {
      if (this.timer === null) throw failure('ETIMEOUT');
      if (this.answers.size >= most) throw failure('EREFUSED');
      return await Promise.race([this.deadline, this.ask(name, type)]);
    } catch (error) {
      if (!noRecords.has(codeOf(error))) this.unavailable = true;
      throw error;
    } finally {
      this.open -= 1;
    }
  }
}

/** The code of an error of the DNS. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'ESERVFAIL';
}

function failure(code: string): Error {
  return Object.assign(new Error('The DNS gave no answer.'), { code });
}
