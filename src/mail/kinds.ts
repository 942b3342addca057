/** Mail that no person wrote to the reader in particular. */
export const impersonalKinds = ['auto_reply', 'bounce', 'list', 'calendar'] as const;
export type ImpersonalKind = (typeof impersonalKinds)[number];

/** What kind of mail a message is. */
export type MailKind = 'personal' | ImpersonalKind;
