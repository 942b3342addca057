import { ActionIcon, Button, Stack, TextInput, Text, Tooltip } from '@mantine/core';
import { IconPlus, IconStar, IconStarFilled, IconX } from '@tabler/icons-react';
import type { ProblemError } from '../api/request.ts';
import { fieldMessage } from './problem.tsx';

/** Several email addresses, the first being the primary one. `errors` belong to the place of each. */
export function AddressesField(props: {
  value: string[];
  onChange: (addresses: string[]) => void;
  errors?: Record<number, string>;
  autoFocusNew?: boolean;
}) {
  const { value, onChange, errors = {} } = props;
  const set = (at: number, address: string) => onChange(value.map((old, index) => (index === at ? address : old)));
  const promote = (at: number) => onChange([value[at] ?? '', ...value.filter((_, index) => index !== at)]);
  return (
    <Stack gap={6} component="fieldset" style={{ border: 0, margin: 0, padding: 0 }}>
      <Text component="legend" size="sm" fw={500} p={0}>
        Email addresses
      </Text>
      {value.map((address, at) => (
        <TextInput
          key={at}
          type="email"
          inputMode="email"
          autoComplete="off"
          aria-label={at === 0 ? 'Primary email address' : `Email address ${at + 1}`}
          placeholder="name@example.com"
          value={address}
          error={errors[at]}
          // oxlint-disable-next-line jsx-a11y/no-autofocus -- the field appears because somebody asked for it
          autoFocus={props.autoFocusNew && at > 0 && at === value.length - 1 && address === ''}
          onChange={(event) => set(at, event.currentTarget.value)}
          rightSectionWidth={64}
          rightSection={
            value.length > 1 && (
              <>
                <Tooltip label={at === 0 ? 'Primary address' : 'Make it the primary address'}>
                  <ActionIcon
                    aria-label={at === 0 ? 'Primary address' : `Make ${address || 'this'} the primary address`}
                    disabled={at === 0}
                    variant="transparent"
                    onClick={() => promote(at)}
                  >
                    {at === 0 ? <IconStarFilled size={14} /> : <IconStar size={14} />}
                  </ActionIcon>
                </Tooltip>
                <ActionIcon
                  aria-label={`Remove ${address || 'this address'}`}
                  variant="transparent"
                  onClick={() => onChange(value.filter((_, index) => index !== at))}
                >
                  <IconX size={15} />
                </ActionIcon>
              </>
            )
          }
        />
      ))}
      <div>
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange([...value, ''])}
        >
          Add another address
        </Button>
      </div>
    </Stack>
  );
}

/** The errors of addresses, by their place among `entered`, of which the blank ones were not sent. */
export function addressErrors(refusal: ProblemError, entered: readonly string[]): Record<number, string> {
  const sent = entered.flatMap((address, at) => (address.trim() ? [at] : []));
  const found: Record<number, string> = {};
  for (const { path, message } of refusal.errors) {
    const at = /^addresses\.(\d+)$/.exec(path)?.[1];
    const place = at === undefined ? undefined : sent[Number(at)];
    if (place !== undefined)
      found[place] = refusal.errors.length === 1 ? fieldMessage(refusal) : `${entered[place]} ${message}`;
  }
  return found;
}
