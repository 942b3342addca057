/** UIDs as an IMAP sequence set: [1,2,3,7] -> "1:3,7". `uids` ascending. */
export function packUids(uids: number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < uids.length;) {
    let end = at;
    while (end + 1 < uids.length && uids[end + 1] === uids[end]! + 1) end += 1;
    parts.push(end === at ? `${uids[at]}` : `${uids[at]}:${uids[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}

/** Characters of a set of UIDs: servers hang up on commands that are too long for them (RFC 2683, 3.2.1.5 advises 1,000), and the fields of a head take some. */
const longestSet = 600;

/** UIDs (ascending) in parts that a command can name. */
export function* inCommands(uids: number[]): Generator<number[]> {
  for (let at = 0; at < uids.length;) {
    let part = uids.slice(at, at + 500);
    while (packUids(part).length > longestSet) part = part.slice(0, part.length >> 1);
    at += part.length;
    yield part;
  }
}

/** The reverse of packUids. `most` bounds what a text that was tampered with may cost. */
export function unpackUids(text: string, most = 10_000): number[] {
  const uids: number[] = [];
  for (const part of text === '' ? [] : text.split(',')) {
    const [first = 0, last = first] = part.split(':').map(Number);
    for (let uid = first; uid <= last && uids.length < most; uid += 1) uids.push(uid);
  }
  return uids;
}
