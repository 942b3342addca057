import { Resolver } from 'node:dns/promises';

/** Asks the DNS for the records of a type, as node:dns gives them; rejects with its codes. */
type Ask = (name: string, type: string) => Promise<unknown[]>;

const seconds = 1000;
/** Records may change, keys above all: what their time to live says isn't told by node:dns. */
const keptMs = { found: 600 * seconds, absent: 120 * seconds, failed: 10 * seconds };
const mostKept = 5000;

/** The system's DNS servers. Answers are kept for a while, so that mail of one sender costs its questions once; nothing but DNS queries goes out. */
export function createDns(ask: Ask = systemServers(), now: () => number = () => performance.now()): Ask {
  const kept = new Map<string, { until: number; answer: Promise<unknown[]> }>();
  return (name, type) => {
    const key = `${type} ${name.toLowerCase()}`;
    const known = kept.get(key);
    if (known && known.until > now()) return known.answer;
    kept.delete(key);
    const entry = { until: Infinity, answer: ask(name, type) };
    entry.answer.then(
      () => (entry.until = now() + keptMs.found),
      (error: { code?: string }) =>
        (entry.until = now() + (/^(?:ENOTFOUND|ENODATA)$/.test(error.code ?? '') ? keptMs.absent : keptMs.failed)),
    );
    kept.set(key, entry);
    if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
    return entry.answer;
  };
}

function systemServers(): Ask {
  const resolver = new Resolver({ timeout: 1 * seconds, tries: 2 });
  return async (name, type) => (await resolver.resolve(name, type)) as unknown[];
}
