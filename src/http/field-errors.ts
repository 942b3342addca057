import { z } from '@hono/zod-openapi';

/**
 * Says in words of ours what is wrong with a field where its schema doesn't: zod's own are for programmers. They follow the field's name
 * ("port is more than 65535").
 */
export function useOurWords(): void {
  z.config({ customError: wordsOf });
}

type Issue = Parameters<NonNullable<NonNullable<Parameters<typeof z.config>[0]>['customError']>>[0];

function wordsOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_format':
      return formats[issue.format] ?? 'is not written as it must be';
    case 'too_big':
      return sizes[issue.origin]?.more(Number(issue.maximum)) ?? 'is too large';
    case 'too_small':
      return sizes[issue.origin]?.less(Number(issue.minimum)) ?? 'is too small';
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `has fields that are not known here: ${issue.keys.join(', ')}`;
    default:
      return 'is not as the API reference describes it';
  }
}

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const formats: Record<string, string> = {
  uuid: 'is no id',
  datetime: 'is no time, as in 2026-11-26T14:30:00Z',
  date: 'is no date, as in 2026-11-26',
  email: 'is no email address',
  url: 'is no link',
};

/** Digits in groups from where nobody can count them at a glance; a port stays as ports are written. */
const digits = (value: number) => (Math.abs(value) < 100_000 ? String(value) : value.toLocaleString('en'));
const number = {
  more: (max: number) => `is more than ${digits(max)}`,
  less: (min: number) => `is less than ${digits(min)}`,
};
const sizes: Record<string, { more(max: number): string; less(min: number): string }> = {
  number,
  int: number,
  bigint: number,
  string: {
    more: (max) => `is longer than ${max} characters`,
    less: (min) => (min === 1 ? 'is empty' : `is shorter than ${min} characters`),
  },
  array: {
    more: (max) => `has more than ${max} entries`,
    less: (min) => (min === 1 ? 'is empty' : `has fewer than ${min} entries`),
  },
};
