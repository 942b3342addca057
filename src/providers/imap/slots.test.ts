import { expect, test } from 'vitest';
import { NoSlot, Slots } from './slots.ts';

const host = 'mail.acme.example';

test('a server gets no more connections than it may, whoever they are of', async () => {
  const slots = new Slots(30_000, 3);
  const held = [];
  for (const user of ['anna', 'bert', 'carla']) held.push(await slots.take(host, user, false));
  await expect(slots.take(host.toUpperCase(), 'dora', false)).rejects.toThrow(NoSlot);
  await expect(slots.take(host, 'dora', false)).rejects.toThrow(/LETTERLOG_CONNECTIONS_PER_SERVER/);
  await slots.take('mail.other.example', 'dora', false);
  const waiting = slots.take(host, 'dora', true);
  held[0]!.release();
  await waiting;
  held[0]!.release();
  await expect(slots.take(host, 'anna', false)).rejects.toThrow(NoSlot);
});

test('the servers of the big providers are bounded for each user only', async () => {
  const slots = new Slots(30_000, 3);
  for (let user = 0; user < 50; user += 1) await slots.take('imap.gmail.com', `user${user}`, false);
  for (let more = 0; more < 7; more += 1) await slots.take('imap.gmail.com', 'user1', false);
  await expect(slots.take('imap.gmail.com', 'user1', false)).rejects.toThrow('allows for this mailbox');
});

test('who waits for a server stands in nobody’s way who waits for a user, and the other way round', async () => {
  const slots = new Slots(30_000, 6);
  const ofAnna = [];
  for (let count = 0; count < 5; count += 1) ofAnna.push(await slots.take(host, 'anna', false));
  const ofBert = await slots.take(host, 'bert', false);
  const taken: string[] = [];
  const wait = (user: string) => slots.take(host, user, true).then(() => taken.push(user));
  const waiting = [wait('anna'), wait('carla'), wait('dora')];
  ofBert.release();
  await expect.poll(() => taken).toEqual(['carla']);
  ofAnna[0]!.release();
  await expect.poll(() => taken.length).toBe(2);
  ofAnna[1]!.release();
  await Promise.all(waiting);
  expect(taken.toSorted()).toEqual(['anna', 'carla', 'dora']);
});

test('a user of whom the server refused one gets no more than the others were, for an hour', async () => {
  const slots = new Slots(30_000, 100);
  for (let count = 0; count < 2; count += 1) await slots.take(host, 'anna', false);
  (await slots.take(host, 'anna', false)).refused();
  await expect(slots.take(host, 'anna', false)).rejects.toThrow('All 2 connections');
  await slots.take(host, 'bert', false);
});
