const longest = 200;
/** The line with which mail programs introduce what they quote. */
const introduction =
  /^(?:on .{4,200} wrote|am .{4,200} schrieb.{0,100}|le .{4,200} a écrit|il .{4,200} ha scritto|el .{4,200} escribió|-{2,} ?(?:original message|ursprüngliche nachricht|forwarded message) ?-{2,}):?$/i;

/** The beginning of a message's text in one line, without what it quotes (unless there is nothing else). */
export function snippetOf(text: string): string {
  const lines = text
    .slice(0, 20_000)
    .split('\n')
    .map((line) => line.trim());
  const cut = lines.findIndex((line) => introduction.test(line));
  const own = (cut > 0 ? lines.slice(0, cut) : lines).filter(
    (line) => !line.startsWith('>') && !introduction.test(line),
  );
  return shorten(own) || shorten(lines.map((line) => line.replace(/^[>\s]+/, '')));
}

function shorten(lines: string[]): string {
  const text = lines.join(' ').replace(/\s+/g, ' ').trim();
  if (text.length <= longest) return text;
  const cut = text.slice(0, longest);
  const space = cut.lastIndexOf(' ');
  return `${(space > longest - 40 ? cut.slice(0, space) : cut).toWellFormed().replace(/\ufffd$/, '')}…`;
}
