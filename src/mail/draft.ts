/**
 * Whether a message is a draft, or an automatically saved state of one: it lies where drafts lie, or the server has it flagged (RFC 9051, 2.3.2; RFC 8621 has the
 * same keyword). What lies among the sent is sent: clients that move a draft there leave the flag on.
 *
 * Marks in the header decide nothing, such as X-Mozilla-Draft-Info, X-Apple-Auto-Saved and X-Uniform-Type-Identifier: com.apple.mail-draft. Clients leave
 * them in what they send (docs/decisions/0018), and a sender could hide mail with them.
 */
export function isDraft(folderRole: string | null, flags: readonly string[]): boolean {
  if (folderRole === 'sent') return false;
  return folderRole === 'drafts' || flags.some((flag) => /^[\\$]draft$/i.test(flag));
}
