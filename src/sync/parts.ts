import type { Candidate } from './candidate.ts';

/** Bytes of bodies that one transaction takes in, as they lie on the server; of each message at most what parsing keeps of it. */
export const mostBytes = 32 * 1024 * 1024;
const mostKept = 4 * 1024 * 1024;

/** Participants that one transaction matches and hashes: a page of circulars may name a hundred thousand. A message that names more has one to itself. */
export const mostPeople = 20_000;

/** Bytes of its body, as far as they count. */
export const weightOf = ({ size }: Candidate) => Math.min(size ?? mostKept, mostKept);

/** Parts that fit into one transaction each by their participants and bodies, with at most so many of these. */
export function inParts(
  candidates: readonly Candidate[],
  bodies: ReadonlySet<Candidate> = new Set(),
  mostBodies = Infinity,
): Candidate[][] {
  const parts: Candidate[][] = [[]];
  let bytes = 0;
  let count = 0;
  let people = 0;
  for (const candidate of candidates) {
    const size = bodies.has(candidate) ? weightOf(candidate) : 0;
    const full = bytes + size > mostBytes || count === mostBodies || people + candidate.people.length > mostPeople;
    if (full && parts.at(-1)!.length > 0) {
      parts.push([]);
      bytes = 0;
      count = 0;
      people = 0;
    }
    bytes += size;
    people += candidate.people.length;
    if (bodies.has(candidate)) count += 1;
    parts.at(-1)!.push(candidate);
  }
  return parts;
}
