import { betterAuth } from 'better-auth';
import type { Logger } from 'pino';
import type { Db } from '../db/open.ts';
import { maxPasswordLength, minPasswordLength } from './password.ts';
import { deriveKey } from './seal.ts';
import { countAttempt } from './take-attempt.ts';

/** Who sent a request, as the server saw it: http/client-address.ts sets it and drops what a client sent under the name. */
export const clientAddressHeader = 'x-letterlog-client';

const day = 24 * 60 * 60;

/**
 * better-auth on our tables: passwords, sessions and their cookies, and nothing else of it (docs/decisions/0007-sign-in.md). Users
 * come by set-up or invitation only. `url` is the address that people open; it decides whether cookies are Secure.
 */
export function createSignIn(options: { db: Db; key: Buffer; url: string; log: Pick<Logger, 'error' | 'warn'> }) {
  const { db, url, log } = options;
  return betterAuth({
    appName: 'Letterlog',
    baseURL: url,
    basePath: '/api/auth',
    secret: deriveKey(options.key, 'session').toString('base64'),
    database: { db, type: 'postgres' },
    // better-auth turns its origin checks off under NODE_ENV=test; ours stay on everywhere.
    advanced: {
      database: { generateId: 'uuid', validateSchema: false },
      cookiePrefix: 'letterlog',
      useSecureCookies: url.startsWith('https:'),
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', path: '/' },
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: [clientAddressHeader] },
    },
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength, maxPasswordLength, autoSignIn: false },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: {
        '/sign-in/email': { window: 60, max: 20 },
        '/change-password': { window: 60, max: 10 },
        '/get-session': false,
      },
      customStorage: {
        async consume(key, rule) {
          const seconds = await countAttempt(db, `auth:${key}`, { max: rule.max, windowSeconds: rule.window });
          return { allowed: seconds === 0, retryAfter: seconds === 0 ? null : seconds };
        },
      },
    },
    session: {
      modelName: 'session',
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
      additionalFields: {
        activeAccountId: { type: 'string', required: false, input: false, fieldName: 'active_account_id' },
      },
      // Two weeks after the last visit.
      expiresIn: 14 * day,
      updateAge: day,
    },
    user: {
      modelName: 'user',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    account: {
      modelName: 'sign_in_method',
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    verification: {
      modelName: 'verification',
      fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    telemetry: { enabled: false },
    logger: {
      level: 'error',
      // Its lines may repeat what a visitor typed; only the words that it is called with are kept.
      log: (level, message) =>
        level === 'error' ? log.error({ part: 'sign-in' }, message) : log.warn({ part: 'sign-in' }, message),
    },
  });
}

export type SignIn = ReturnType<typeof createSignIn>;
