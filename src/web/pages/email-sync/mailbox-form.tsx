import {
  Alert,
  Button,
  Collapse,
  Grid,
  Group,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { ProblemError } from '../../api/request.ts';
import type { ConnectionSettings, Security } from '../../api/types.ts';
import { Problem, fieldErrors } from '../../components/problem.tsx';

export interface MailboxInput {
  settings: ConnectionSettings;
  password: string;
}

const fields = ['host', 'port', 'security', 'user', 'password'] as const;
const securities = [
  { value: 'tls', label: 'TLS (port 993)' },
  { value: 'starttls', label: 'STARTTLS (port 143)' },
  { value: 'plain', label: 'None: only inside your own network' },
];

/** Which field a refusal of the mailbox is about: its words stand there. */
const places: Record<string, (typeof fields)[number]> = {
  mailbox_refused: 'password',
  mailbox_unreachable: 'host',
  host_not_allowed: 'host',
  mailbox_insecure: 'security',
};

/** Host, port, security, user name and password of an IMAP mailbox. Known settings stay folded until somebody wants to change them. */
export function MailboxForm(props: {
  settings: ConnectionSettings;
  /** False: the settings are guesses, so they are shown. */
  known: boolean;
  hint?: string;
  action: string;
  onSubmit: (input: MailboxInput) => Promise<unknown>;
  cancel?: ReactNode;
  error: unknown;
  busy: boolean;
}) {
  const { error } = props;
  const form = useForm({ initialValues: { ...props.settings, password: '' } });
  const place = error instanceof ProblemError ? places[error.code] : undefined;
  const found: Partial<Record<(typeof fields)[number], string>> =
    place && error instanceof ProblemError ? { [place]: error.message } : fieldErrors(error, fields).fields;
  const inSettings = Boolean(found.host ?? found.port ?? found.security ?? found.user);
  const [unfolded, { toggle }] = useDisclosure(!props.known);
  const open = unfolded || inSettings || place === 'password';
  const submit = ({ password, ...settings }: typeof form.values) => void props.onSubmit({ settings, password });
  return (
    <form onSubmit={form.onSubmit(submit)}>
      <Stack>
        {props.hint && (
          <Alert color="ink" variant="light" icon={<IconInfoCircle size={18} aria-hidden />} py="xs">
            {props.hint}
          </Alert>
        )}
        <PasswordInput
          label="Password"
          description="Kept sealed, and used for nothing but reading this mailbox"
          autoComplete="off"
          required
          data-autofocus
          visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
          {...form.getInputProps('password')}
          error={found.password}
        />
        {!inSettings && props.known && (
          <Text size="sm" c="dimmed">
            Server: {form.values.host}, port {form.values.port},{' '}
            {form.values.security === 'plain' ? 'no encryption' : form.values.security.toUpperCase()}.{' '}
            <Button variant="subtle" size="compact-xs" onClick={toggle} aria-expanded={open}>
              {open ? 'Hide settings' : 'Change settings'}
            </Button>
          </Text>
        )}
        <Collapse expanded={open}>
          <Grid gap="sm">
            <Grid.Col span={{ base: 12, xs: 8 }}>
              <TextInput label="Host" required {...form.getInputProps('host')} error={found.host} spellCheck={false} />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 4 }}>
              <NumberInput
                label="Port"
                required
                hideControls
                allowDecimal={false}
                min={1}
                max={65535}
                {...form.getInputProps('port')}
                error={found.port}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <Select
                label="Security"
                allowDeselect={false}
                data={securities}
                value={form.values.security}
                onChange={(value) => {
                  const security = (value ?? 'tls') as Security;
                  form.setValues({ security, port: security === 'tls' ? 993 : 143 });
                }}
                error={found.security}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <TextInput
                label="User name"
                required
                {...form.getInputProps('user')}
                error={found.user}
                spellCheck={false}
              />
            </Grid.Col>
          </Grid>
        </Collapse>
        {place && error instanceof ProblemError && error.hint && <Text size="sm">{error.hint}</Text>}
        {!place && <Problem error={fieldErrors(error, fields).rest} />}
        <Group justify="flex-end" gap="xs">
          {props.cancel}
          <Button type="submit" loading={props.busy}>
            {props.action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
