import { ProviderError } from '../provider.ts';

const mostFailures = 12;
const mostBlamed = 20;

/**
 * Tells a message that breaks the connection whenever it is asked for from a server that breaks off whatever it is asked: the first is left aside, so that it holds up
 * no other; of the second nothing is blamed on messages.
 */
export class Patience {
  private failures = 0;
  private blamed = 0;

  succeeded(): void {
    this.failures = 0;
    this.blamed = 0;
  }

  /** Throws ProviderError 'transient' when it is enough. */
  failed(): void {
    this.failures += 1;
    if (this.failures > mostFailures) throw enough();
  }

  /** A message failed alone, while the server did something else (`check`) well. Throws when the server can't do that either. */
  async blame(check: () => Promise<unknown>): Promise<void> {
    await check();
    this.failures = 0;
    this.blamed += 1;
    if (this.blamed > mostBlamed) throw enough();
  }
}

function enough(): ProviderError {
  return new ProviderError('transient', 'The server breaks off again and again.', { reason: 'unreachable' });
}
