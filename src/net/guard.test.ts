import { describe, expect, test } from 'vitest';
import type { AppError } from '../errors.ts';
import { createAddressGuard, isPublicAddress } from './guard.ts';

const answers =
  (...addresses: string[]) =>
  async () =>
    addresses.map((address) => ({ address }));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return (error as AppError).code;
  }
}

describe('internal addresses are refused', () => {
  test.each([
    '127.0.0.1',
    '127.255.1.2',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '100::1',
  ])('%s', async (address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(await codeOf(createAddressGuard([]).resolve(address))).toBe('host_not_allowed');
    const byName = createAddressGuard([], answers(address)).resolve('mail.example');
    expect(await codeOf(byName)).toBe('host_not_allowed');
  });

  test('also in the notations that only the system resolver understands', async () => {
    for (const host of [
      '2130706433',
      '0x7f.1',
      '127.1',
      '017700000001',
      'localhost',
      'localhost.',
      '[::1]',
      'LOCALHOST',
    ])
      expect(['host_not_allowed', 'mailbox_unreachable'], host).toContain(
        await codeOf(createAddressGuard([]).resolve(host)),
      );
  });
});

test.each(['8.8.8.8', '193.99.144.80', '2a00:1450:4001::1', '64:ff9b::808:808', '::ffff:8.8.8.8'])(
  '%s is public',
  async (address) => {
    expect(isPublicAddress(address)).toBe(true);
    expect((await createAddressGuard([]).resolve(address)).address).toBe(address);
  },
);

test('gives an address in the form that is never looked up again', async () => {
  for (const host of ['134744072', '8.8.2056', '0x8.0x8.8.8', '010.8.8.8'])
    expect((await createAddressGuard([]).resolve(host)).address).toMatch(/^8\.8\.8\.8$/);
});

test('takes the first public address of a host', async () => {
  const guard = createAddressGuard([], answers('10.0.0.1', '8.8.8.8', '9.9.9.9'));
  expect(await guard.resolve('mail.example')).toEqual({ address: '8.8.8.8', family: 4 });
});

test('the administrator can allow names, addresses and ranges', async () => {
  const internal = answers('10.0.0.7');
  expect(await createAddressGuard(['Mail.internal'], internal).resolve('mail.INTERNAL.')).toEqual({
    address: '10.0.0.7',
    family: 4,
  });
  expect(await codeOf(createAddressGuard(['mail.internal'], internal).resolve('other.internal'))).toBe(
    'host_not_allowed',
  );
  expect((await createAddressGuard(['10.0.0.0/24'], internal).resolve('x.internal')).address).toBe('10.0.0.7');
  expect(await codeOf(createAddressGuard(['10.0.1.0/24'], internal).resolve('x.internal'))).toBe('host_not_allowed');
  expect((await createAddressGuard(['127.0.0.1']).resolve('127.0.0.1')).family).toBe(4);
  expect((await createAddressGuard(['::1']).resolve('[::1]')).family).toBe(6);
  expect((await createAddressGuard(['10.0.0.7']).resolve('::ffff:10.0.0.7')).address).toBe('::ffff:10.0.0.7');
});

test('a host that does not exist is unreachable, not forbidden', async () => {
  const guard = createAddressGuard([], () => Promise.reject(new Error('ENOTFOUND')));
  expect(await codeOf(guard.resolve('nowhere.example'))).toBe('mailbox_unreachable');
  expect(await codeOf(createAddressGuard([]).resolve(' '))).toBe('host_not_allowed');
});
