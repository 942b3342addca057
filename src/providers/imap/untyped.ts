import type { ImapFlow } from 'imapflow';

/** A parsed word, list or string of an answer. */
export type Attribute = { type: string; value?: unknown } | Attribute[];

export interface Untagged {
  command: string;
  attributes?: Attribute[];
}

/** A word of a command: a bare string is quoted as needed, an ATOM goes out as it is. */
export type Word = string | { type: 'ATOM'; value: string } | Word[];

/** What imapflow has for commands that it doesn't know itself; its types leave it out. */
interface Untyped {
  exec(
    command: string,
    words: Word[],
    options?: { untagged?: Record<string, (answer: Untagged) => Promise<void>> },
  ): Promise<{ next(): void }>;
  untaggedHandlers: Record<string, ((answer: Untagged) => Promise<void>) | null>;
}

export const atom = (value: string): Word => ({ type: 'ATOM', value });

/** Runs one command; throws what imapflow throws when the server answers NO or BAD. */
export async function execute(
  client: ImapFlow,
  command: string,
  words: Word[],
  untagged: Record<string, (answer: Untagged) => Promise<void>> = {},
): Promise<void> {
  const response = await (client as unknown as Untyped).exec(command, words, { untagged });
  response.next();
}

/** Answers of this name that no running command takes. */
export function onUntagged(client: ImapFlow, name: string, handle: () => void): void {
  (client as unknown as Untyped).untaggedHandlers[name] = async () => handle();
}
