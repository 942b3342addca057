/** Mail that no person wrote to the reader in particular. */
export const impersonalKinds = ['auto_reply', 'bounce', 'list', 'calendar'] as const;
export type ImpersonalKind = (typeof impersonalKinds)[number];

/** What kind of mail a message is. */
export type MailKind = 'personal' | ImpersonalKind;

/** What people read: "It is ...", and "... only for ...". */
export const kindNames: Readonly<Record<ImpersonalKind, { one: string; all: string }>> = {
  auto_reply: { one: 'an automatic reply', all: 'automatic replies' },
  bounce: { one: 'a bounce', all: 'bounces' },
  list: { one: 'mail of a mailing list or a newsletter', all: 'mailing lists' },
  calendar: { one: 'calendar mail', all: 'calendar mail' },
};

/**
 * The kind of one copy of a message that is stored: only what lists add differs between copies, so one that came directly isn't a list's though another is.
 * `list`: of the copy's head.
 */
export function kindOfCopy(stored: MailKind, list: boolean): MailKind {
  if (stored !== 'personal' && stored !== 'list') return stored;
  return list ? 'list' : 'personal';
}
