import type { Context } from 'hono';
import { isIP } from 'node:net';

/** What @hono/node-server gives with a request; absent when the app is called directly. */
interface NodeBindings {
  incoming?: { socket?: { remoteAddress?: string | undefined } };
}

/**
 * The client's IP address: the socket's, or with a trusted reverse proxy the last entry of X-Forwarded-For, which is the one that the
 * proxy itself added.
 */
export function clientAddress(c: Context, trustProxy: boolean): string {
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  if (forwarded && isIP(forwarded) !== 0) return forwarded;
  const address = (c.env as NodeBindings | undefined)?.incoming?.socket?.remoteAddress ?? '127.0.0.1';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** The part of an address that limits count by: IPv6 customers hold a whole /64. */
export function limitedAddress(address: string): string {
  return isIP(address) === 6 ? address.split(':').slice(0, 4).join(':') : address;
}
