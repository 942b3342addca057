import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { isMissing } from './durable-file.ts';

/** Writes a pack of messages by their hashes: a line of JSON, [[hash, bytes], ...], and then the messages one after the other as they are. */
export async function writePack(file: FileHandle, messages: ReadonlyMap<string, Buffer>): Promise<void> {
  const index = [...messages].map(([hash, raw]) => [hash, raw.length]);
  const parts = [Buffer.from(`${JSON.stringify(index)}\n`), ...messages.values()];
  const { bytesWritten } = await file.writev(parts);
  // A disk that is nearly full takes a part of it, and says so when it is to take the rest.
  if (bytesWritten < lengthOf(parts)) await file.writeFile(Buffer.concat(parts).subarray(bytesWritten));
}

const lengthOf = (parts: readonly Buffer[]) => parts.reduce((sum, part) => sum + part.length, 0);

/** One message of a pack. Throws ENOENT where there is no such file or message, and DamagedPack. */
export async function openPacked(file: string, hash: string): Promise<Readable> {
  const handle = await open(file, 'r');
  try {
    const range = (await readIndex(handle)).get(hash);
    if (range === undefined) throw Object.assign(new Error('It is not in this pack.'), { code: 'ENOENT' });
    if (range.size > 0) return handle.createReadStream({ start: range.start, end: range.start + range.size - 1 });
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return Readable.from([]);
}

/** The hashes of what a pack holds; none where there is no such file. */
export async function packedIn(file: string): Promise<string[]> {
  const handle = await open(file, 'r').catch(orNothing);
  if (handle === null) return [];
  try {
    return [...(await readIndex(handle)).keys()];
  } finally {
    await handle.close();
  }
}

/** The messages of a pack, by their hashes, without some of them; none where there is no such file. */
export async function withoutSome(file: string, hashes: readonly string[]): Promise<Map<string, Buffer>> {
  const messages = new Map<string, Buffer>();
  // It is as small as create-pack.ts keeps it.
  const bytes = await readFile(file).catch(orNothing);
  if (bytes === null) return messages;
  for (const [hash, { start, size }] of rangesIn(bytes, bytes.length))
    if (!hashes.includes(hash)) messages.set(hash, bytes.subarray(start, start + size));
  return messages;
}

type Ranges = Map<string, { start: number; size: number }>;

async function readIndex(handle: FileHandle): Promise<Ranges> {
  let head = Buffer.alloc(0);
  while (!head.includes(newline)) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(usualIndex), 0, usualIndex, head.length);
    if (bytesRead === 0) break;
    head = Buffer.concat([head, buffer.subarray(0, bytesRead)]);
  }
  return rangesIn(head, (await handle.stat()).size);
}

/** Where each message lies, by what a pack of so many bytes begins with. Throws DamagedPack where that can't be. */
function rangesIn(head: Buffer, fileSize: number): Ranges {
  const end = head.indexOf(newline);
  const ranges: Ranges = new Map();
  let start = end + 1;
  for (const [hash, size] of readLine(head.toString('latin1', 0, Math.max(end, 0)))) {
    if (!Number.isSafeInteger(size) || size < 0) throw new DamagedPack();
    ranges.set(hash, { start, size });
    start += size;
  }
  if (start !== fileSize) throw new DamagedPack();
  return ranges;
}

function readLine(line: string): [hash: string, size: number][] {
  try {
    const index: unknown = JSON.parse(line);
    if (Array.isArray(index) && index.every(Array.isArray)) return index as [string, number][];
  } catch {
    // Said below.
  }
  throw new DamagedPack();
}

/** The file is there, and isn't what was written. */
export class DamagedPack extends Error {
  constructor() {
    super('The pack is damaged.');
    this.name = 'DamagedPack';
  }
}

const newline = 0x0a;
/** Bytes. */
const usualIndex = 8192;

function orNothing(error: unknown): null {
  if (!isMissing(error)) throw error;
  return null;
}
