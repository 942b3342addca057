import { AppError } from '../errors.ts';

/** NIST SP 800-63B: length is what counts; no rules on characters. The longest is bounded since hashing takes time. */
export const minPasswordLength = 12;
export const maxPasswordLength = 128;

export const passwordRule = `A password has ${minPasswordLength} to ${maxPasswordLength} characters and is not your email address or name.`;

/** Throws AppError 'invalid' that states the rule. */
export function requireGoodPassword(password: string, user: { email: string; name: string }): void {
  const length = [...password].length;
  const lower = password.toLowerCase();
  const guessable =
    lower === user.email.toLowerCase() || lower === user.name.toLowerCase() || /^(.)\1*$/su.test(password);
  if (length >= minPasswordLength && password.length <= maxPasswordLength && !guessable) return;
  throw new AppError('invalid', passwordRule, {
    hint: 'A few words that don’t belong together are easy to remember and hard to guess.',
    details: [{ path: 'password', message: passwordRule }],
  });
}
