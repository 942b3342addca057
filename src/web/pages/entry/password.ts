/** What is wrong with a new password; null: nothing. The server has the last word (accounts/password.ts). */
export function passwordProblem(password: string): string | null {
  return password.length < 12 ? 'Use at least 12 characters.' : null;
}
