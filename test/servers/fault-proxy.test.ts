import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startFaultProxy } from './fault-proxy.ts';

/** Sends all of `content` to whoever connects, and ends. */
async function contentServer(content: Buffer): Promise<{ port: number } & AsyncDisposable> {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(content)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

const connect = (port: number) => net.connect(port, '127.0.0.1');

test('without a fault every byte passes in order', async () => {
  const content = randomBytes(3_000_000);
  await using server = await contentServer(content);
  await using proxy = await startFaultProxy(server);
  expect((await buffer(connect(proxy.port))).equals(content)).toBe(true);
  expect(proxy.bytes.down).toBe(content.length);
});

test('late and dribbled bytes keep their order', async () => {
  const content = randomBytes(2_000);
  await using server = await contentServer(content);
  await using proxy = await startFaultProxy(server);
  Object.assign(proxy.faults, { latencyMs: 5, dribble: 37 });
  expect((await buffer(connect(proxy.port))).equals(content)).toBe(true);
});

test('a cut comes after exactly so many bytes', async () => {
  const content = randomBytes(500_000);
  await using server = await contentServer(content);
  await using proxy = await startFaultProxy(server);
  proxy.faults.cutAfter = 100_001;
  const socket = connect(proxy.port);
  const received: Uint8Array[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  await once(socket, 'error');
  const length = Buffer.concat(received).length;
  expect(length).toBeLessThanOrEqual(100_001);
  expect(Buffer.concat(received).equals(content.subarray(0, length))).toBe(true);
});

test('a stall tells nobody, and ends', async () => {
  const content = randomBytes(1_000);
  await using server = await contentServer(content);
  await using proxy = await startFaultProxy(server);
  proxy.faults.stalled = true;
  const socket = connect(proxy.port);
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  await expect.poll(() => proxy.connections()).toBe(1);
  expect(received).toBe(0);
  proxy.faults.stalled = false;
  await expect.poll(() => received).toBe(content.length);
  socket.destroy();
});

test('refused connections are reset', async () => {
  await using server = await contentServer(Buffer.from('x'));
  await using proxy = await startFaultProxy(server);
  proxy.faults.refuse = true;
  const socket = connect(proxy.port);
  socket.resume();
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
});
