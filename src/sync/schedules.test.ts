import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mail } from '../../test/fixtures/mail.ts';
import { syncRig } from '../../test/fixtures/sync-rig.ts';
import type { SyncRig } from '../../test/fixtures/sync-rig.ts';
import { checkInvariants } from '../../test/invariants.ts';
import { sharedDatabase } from '../../test/fixtures/shared-database.ts';
import { ProviderError } from '../providers/provider.ts';
import type { Place } from '../providers/provider.ts';

/**
 * Random lives of two mailboxes: mail comes, is moved and deleted, folders get new epochs, servers fail, processes crash, contacts are added late. What must be in
 * the log and what must have fired comes from the test's own manifest.
 */
const database = sharedDatabase();

const folders = ['INBOX', 'Sent', 'Archive'];
const people = ['p0@x.example', 'p1@x.example', 'p2@x.example', 'p3@x.example'];

type Step =
  | { do: 'deliver'; box: 0 | 1; folder: number; person: number; copy: boolean; sent: boolean }
  | { do: 'move'; pick: number; folder: number }
  | { do: 'delete'; pick: number }
  | { do: 'epoch'; box: 0 | 1; folder: number }
  | { do: 'fail'; pick: number }
  | { do: 'contact'; person: number }
  | { do: 'pass'; box: 0 | 1 }
  | { do: 'crash'; box: 0 | 1; after: number };

const box = fc.constantFrom(0 as const, 1 as const);
const folder = fc.nat({ max: folders.length - 1 });
const pick = fc.nat({ max: 1000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      box,
      folder,
      person: fc.nat({ max: people.length - 1 }),
      copy: fc.boolean(),
      sent: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), pick, folder }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('epoch' as const), box, folder }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('contact' as const), person: fc.nat({ max: people.length - 1 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), box }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), box, after: fc.nat({ max: 4 }) }) },
);

interface Message {
  subject: string;
  person: string;
  sent: boolean;
  /** Where it lies now. */
  places: { box: 0 | 1; place: Place }[];
  /** A pass has looked at a copy before the person was a contact. */
  seenAsStranger: boolean;
}

test('whatever happens, nothing is lost and nothing is there twice', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await live(steps);
    }),
    { numRuns: Number(process.env['LETTERLOG_SCHEDULES'] ?? 40) },
  );
});

async function live(steps: readonly Step[]): Promise<void> {
  const rig = await syncRig(database, { pageSize: 3 });
  const boxes = ['me@acme.example', 'colleague@acme.example'].map((address) => rig.server.mailbox(address));
  for (const one of boxes) one.createFolder('Archive', { role: 'archive' });
  await rig.addContact(people[0]!);
  const contacts = new Set([people[0]!]);
  const ids = [await rig.connect(boxes[0]!.address, folders), await rig.connect(boxes[1]!.address, folders)];
  const messages: Message[] = [];
  const lying = () => messages.flatMap((message) => message.places.map((at, i) => ({ message, at, i })));

  for (const [number, one] of steps.entries()) {
    if (one.do === 'deliver') {
      const owner = boxes[one.box]!.address;
      const person = people[one.person]!;
      const subject = `m${number}`;
      const text = mail(one.sent ? { from: owner, to: person, subject } : { from: person, to: owner, subject });
      const message: Message = {
        subject,
        person,
        sent: one.sent,
        places: [],
        seenAsStranger: false,
      };
      for (const at of one.copy ? ([0, 1] as const) : [one.box])
        message.places.push({ box: at, place: boxes[at]!.append(folders[one.folder]!, text) });
      messages.push(message);
    } else if (one.do === 'contact') {
      if (!contacts.has(people[one.person]!)) await rig.addContact(people[one.person]!);
      contacts.add(people[one.person]!);
    } else if (one.do === 'epoch') {
      renew(boxes[one.box]!, one.box, folders[one.folder]!, messages);
    } else if (one.do === 'pass' || one.do === 'crash') {
      const crashed = one.do === 'crash' && (await crash(rig, ids[one.box]!, one.after));
      if (one.do === 'pass') await rig.pass(ids[one.box]!);
      // What a crashed pass had come to is unknown here: a whole one settles it before anything else happens.
      if (crashed) await rig.pass(ids[one.box]!);
      for (const message of messages.filter((each) => each.places.some((at) => at.box === one.box))) {
        if (!contacts.has(message.person)) message.seenAsStranger = true;
      }
      await checkInvariants(database.db);
    } else {
      const all = lying();
      const chosen = all[one.pick % Math.max(1, all.length)];
      if (!chosen) continue;
      const mailbox = boxes[chosen.at.box]!;
      if (one.do === 'move') chosen.at.place = mailbox.move(chosen.at.place, folders[one.folder]!);
      if (one.do === 'fail') mailbox.fail('message', new ProviderError('protocol', 'no'), { place: chosen.at.place });
      if (one.do === 'delete') {
        mailbox.delete(chosen.at.place);
        chosen.message.places.splice(chosen.i, 1);
      }
    }
  }

  for (let round = 0; round < 5; round += 1) {
    for (const id of ids) await rig.pass(id);
    await rig.hurry();
  }
  for (const id of ids) await rig.pass(id);
  await checkInvariants(database.db);
  await compare(rig, messages, contacts, boxes);
}

async function compare(
  rig: SyncRig,
  messages: readonly Message[],
  contacts: ReadonlySet<string>,
  boxes: readonly { folders: Map<string, { messages: Map<number, unknown> }> }[],
): Promise<void> {
  const log = await rig.log();
  const bySubject = new Map(log.map((line) => [line.split(' | ')[1]!, line]));
  expect(bySubject.size, 'no message twice').toBe(log.length);
  for (const message of messages) {
    const line = bySubject.get(message.subject);
    // Still on a server, and of a contact: it must be here. Deleted before it was ever looked at: nobody can have it.
    if (contacts.has(message.person) && message.places.length > 0) expect(line, message.subject).toBeDefined();
    if (!contacts.has(message.person)) expect(line, message.subject).toBeUndefined();
    if (line === undefined) continue;
    expect(line.endsWith(message.sent ? 'sent' : 'received'), line).toBe(true);
    expect(line.includes(message.seenAsStranger ? '| late_contact |' : '| live |'), line).toBe(true);
  }
  const fired = messages
    .filter((one) => bySubject.has(one.subject) && !one.sent && !one.seenAsStranger)
    .map((one) => `${one.person} | ${one.subject}`);
  expect(await rig.fired()).toEqual(fired.sort());
  const lying = boxes.flatMap((one) => [...one.folders.values()]).reduce((sum, one) => sum + one.messages.size, 0);
  expect(await rig.ledger(), 'one current row for each message on the servers').toHaveLength(lying);
}

/** A new epoch renumbers the messages in their order. */
function renew(
  mailbox: SyncRig['server']['mailboxes'] extends Map<string, infer M> ? M : never,
  at: 0 | 1,
  ref: string,
  messages: readonly Message[],
): void {
  const before = [...mailbox.folders.get(ref)!.messages.keys()];
  mailbox.renewEpoch(ref);
  const epoch = String(mailbox.folders.get(ref)!.epoch);
  for (const one of messages.flatMap((message) => message.places)) {
    if (one.box !== at || one.place.folder !== ref) continue;
    one.place = { folder: ref, epoch, ref: String(before.indexOf(Number(one.place.ref)) + 1) };
  }
}

/** A process that ends somewhere: in a transaction, before or after it, or while it fetches. True when it did. */
async function crash(rig: SyncRig, connectionId: string, after: number): Promise<boolean> {
  const { storing, parser, fire } = rig.deps;
  let left = after;
  const maybe = () => {
    if (left-- === 0) throw new Error('crash');
  };
  rig.deps.storing = async (piece, work) => {
    const result = await storing(piece, work);
    maybe();
    return result;
  };
  rig.deps.fire = async (trx, ...rest) => {
    maybe();
    return await fire(trx, ...rest);
  };
  try {
    await rig.pass(connectionId);
    return false;
  } catch (error) {
    if ((error as Error).message !== 'crash') throw error;
    return true;
  } finally {
    Object.assign(rig.deps, { storing, parser, fire });
  }
}
