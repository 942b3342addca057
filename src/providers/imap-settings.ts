import { z } from 'zod';

/** Where an IMAP mailbox is and who signs in. `tls` from the first byte (port 993), `starttls` required before anything else, `plain` inside the own network only. */
export const imapSettings = z.object({
  host: z
    .string()
    .trim()
    .min(1)
    .max(253)
    .regex(/^[^\s/@?#\\]+$/, 'is not the name of a server'),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(['tls', 'starttls', 'plain']),
  user: z
    .string()
    .trim()
    .min(1)
    .max(320)
    .regex(/^\P{Cc}+$/u, 'has control characters'),
});

export type ImapSettings = z.infer<typeof imapSettings>;
