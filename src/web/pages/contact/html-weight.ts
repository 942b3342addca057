/** Mail nests tables in tables, seldom over a hundred deep. */
const deepest = 1000;
/** Start tags; a newsletter has some thousands. */
const most = 60_000;

/** What needs no end tag: it never holds more of its kind. */
const unended =
  /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|html|head|body)$/;
const tag = /<(\/?)([a-z][a-z0-9:-]{0,30})/gi;

/**
 * Whether a browser would stand still over this HTML. Its parser looks through all open elements at most tags (HTML standard, 13.2.4.2, scopes), so the time grows with
 * the tags times their depth: one MB of `<div>` takes a minute before any sanitiser sees it. This counts without building anything.
 */
export function isTooHeavy(html: string): boolean {
  const open = new Map<string, number>();
  let [depth, tags] = [0, 0];
  for (const [, slash, word] of html.matchAll(tag)) {
    const name = word!.toLowerCase();
    if (!slash && (tags += 1) > most) return true;
    if (unended.test(name)) continue;
    const count = open.get(name) ?? 0;
    if (!slash) {
      open.set(name, count + 1);
      if ((depth += 1) > deepest) return true;
    } else if (count > 0) {
      open.set(name, count - 1);
      depth -= 1;
    }
  }
  return false;
}
