/** The part of mailauth that has no types of its own. */
declare module 'mailauth/lib/dkim/dkim-verifier.js' {
  import type { Writable } from 'node:stream';

  interface SignatureHeader {
    type: 'DKIM' | 'ARC';
    selector?: string;
    signingDomain?: string;
    /** Why it isn't processed, nor reported. */
    skip?: string;
  }

  /** Takes a raw message; `results` are there when it has finished. */
  export class DkimVerifier extends Writable {
    constructor(options: { resolver: (name: string, type: string) => Promise<unknown[]>; rejectRsaSha1: boolean });
    /** Called for each signature, once the header has been read. */
    prepareSignature(signature: SignatureHeader): void;
    fromFields: number;
    results: { signingDomain?: string; status: { result: string; comment?: string; underSized?: number } }[];
  }
}
