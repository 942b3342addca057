/** Parts the quotation at the end ("> ..." lines, with the line that introduces them) from what was written. */
export function splitQuoted(text: string): { own: string; quoted: string } {
  const lines = text.trimEnd().split('\n');
  let at = lines.length;
  while (at > 0 && (/^\s*>/.test(lines[at - 1] ?? '') || (lines[at - 1] ?? '').trim() === '')) at--;
  const quotes = lines.slice(at).some((line) => /^\s*>/.test(line));
  if (!quotes) return { own: text, quoted: '' };
  // "On Monday Ada wrote:" may be broken over two lines.
  if (/:\s*$/.test(lines[at - 1] ?? '')) {
    at--;
    if (at > 0 && (lines[at - 1] ?? '').trim() !== '' && !/[.!?:]\s*$/.test(lines[at - 1] ?? '')) at--;
  }
  const own = lines.slice(0, at).join('\n').trimEnd();
  if (own === '') return { own: text, quoted: '' };
  return { own, quoted: lines.slice(at).join('\n').trim() };
}
