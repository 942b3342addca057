import type { Readable } from 'node:stream';
import { keyNameOf, mostSignatures } from './sender-fields.ts';

/** Answers of the DNS: the TXT records at a name, or the code of the error. */
export type Keys = ReadonlyMap<string, unknown[] | string>;

export interface Signature {
  /** Whose it is (the tag "d"). */
  domain: string;
  /** As RFC 8601, section 2.7.1, calls it. */
  result: string;
}

/**
 * Verifies a raw message's DKIM signatures whose keys are given (RFC 6376), a few at most: all other ones cost nothing. RSA keys from 1024 bits on, no SHA-1 (RFC 8301). One
 * that leaves an end of the body unsigned ("l") doesn't pass: anybody could have written that. Rejects when the stream fails.
 */
export async function verifySignatures(raw: Readable | Buffer, keys: Keys): Promise<Signature[]> {
  const failed = new Promise<never>((_resolve, reject) => {
    if (!Buffer.isBuffer(raw)) raw.once('error', reject);
  });
  failed.catch(() => undefined);
  // Only here: it takes 30 MB and half a second, and most mailboxes' servers look at signatures themselves.
  const { DkimVerifier } = await import('mailauth/lib/dkim/dkim-verifier.js');
  let taken = 0;
  class Verifier extends DkimVerifier {
    override prepareSignature(signature: Parameters<InstanceType<typeof DkimVerifier>['prepareSignature']>[0]): void {
      super.prepareSignature(signature);
      const name = keyNameOf(signature.selector ?? '', signature.signingDomain ?? '');
      const wanted = signature.type === 'DKIM' && name !== null && keys.has(name) && taken < mostSignatures;
      if (wanted) taken += 1;
      else signature.skip = 'not asked about';
    }
  }
  const verifier = new Verifier({ resolver: async (name) => answerOf(keys, name), rejectRsaSha1: true });
  const finished = new Promise<void>((resolve, reject) => verifier.once('finish', resolve).once('error', reject));
  if (Buffer.isBuffer(raw)) verifier.end(raw);
  else raw.pipe(verifier);
  await Promise.race([finished, failed]);
  if (verifier.fromFields !== 1) return [];
  return verifier.results.flatMap(({ signingDomain, status }) =>
    signingDomain === undefined ? [] : [{ domain: signingDomain, result: resultOf(status) }],
  );
}

function answerOf(keys: Keys, name: string): unknown[] {
  const answer = keys.get(name.toLowerCase()) ?? 'ENOTFOUND';
  if (typeof answer === 'string') throw Object.assign(new Error('The DNS has no key.'), { code: answer });
  return answer;
}

function resultOf({ result, comment, underSized }: { result: string; comment?: string; underSized?: number }): string {
  if (result === 'pass' && underSized) return 'policy';
  return comment === 'body hash did not verify' ? 'fail' : result;
}
