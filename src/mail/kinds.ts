/** Mail that no person wrote to the reader in particular. */
export const impersonalKinds = ['auto_reply', 'bounce', 'list', 'calendar'] as const;
export type ImpersonalKind = (typeof impersonalKinds)[number];

/** What kind of mail a message is. */
export type MailKind = 'personal' | ImpersonalKind;

/** What people read: "It is ...". */
export const kindNames: Readonly<Record<ImpersonalKind, string>> = {
  auto_reply: 'an automatic reply',
  bounce: 'a report on the delivery of mail',
  list: 'mail of a mailing list or a newsletter',
  calendar: 'calendar mail',
};

/**
 * The kind of one copy of a message that is stored: only what lists add differs between copies, so one that came directly isn't a list's though another is.
 * `list`: of the copy's head.
 */
export function kindOfCopy(stored: MailKind, list: boolean): MailKind {
  if (stored !== 'personal' && stored !== 'list') return stored;
  return list ? 'list' : 'personal';
}
