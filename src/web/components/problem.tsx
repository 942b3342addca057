import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowUpCircle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { ProblemError } from '../api/request.ts';

/** An error where it happened: what is wrong, what helps, and a way to try again. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!error) return null;
  const { message, hint, code } = described(error);
  if (code === 'plan_required') return <PlanRequired message={message} />;
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} aria-hidden />} role="alert" py="xs">
      <Stack gap={6} align="flex-start">
        <Text size="sm">{message}</Text>
        {hint && (
          <Text size="sm" c="dimmed">
            {hint}
          </Text>
        )}
        {retry && (
          <Button variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** What Email Sync says on a plan without it. */
export function PlanRequired({ message }: { message?: string }) {
  return (
    <Alert
      color="ink"
      variant="light"
      icon={<IconArrowUpCircle size={18} aria-hidden />}
      title="Email Sync needs the plan Plus or above"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          {message ??
            'This account is on the plan Basic. Contacts, tasks and automations work; mailboxes can be connected after an upgrade.'}
        </Text>
        <Text size="sm">
          Mailboxes that were connected earlier are paused. Nothing was deleted: after the upgrade syncing goes on where
          it stopped.
        </Text>
        <Group>
          <Anchor component={Link} to="/administration/account" size="sm" fw={600}>
            See the account's plan
          </Anchor>
        </Group>
      </Stack>
    </Alert>
  );
}

/** An error's words, whatever it is. */
export function described(error: unknown): { message: string; hint?: string; code?: string } {
  if (error instanceof ProblemError) return { message: error.message, hint: error.hint, code: error.code };
  return { message: 'Something went wrong in this page.', hint: 'Reload it and try again.' };
}

/**
 * Splits a refusal over a form: messages for the fields it has, and the error itself when it names anything else (or nothing).
 * `names` says which field a path of the API belongs to, where it isn't called the same.
 */
export function fieldErrors<F extends string>(
  error: unknown,
  fields: readonly F[],
  names: Record<string, F> = {},
): { fields: Partial<Record<F, string>>; rest: unknown } {
  if (!(error instanceof ProblemError) || error.errors.length === 0) return { fields: {}, rest: error };
  const found: Partial<Record<F, string>> = {};
  let complete = true;
  for (const problem of error.errors) {
    const { path } = problem;
    const known = fields as readonly string[];
    const field =
      names[path] ?? [path, path.split('.').at(-1), path.split('.')[0]].find((name) => name && known.includes(name));
    if (field) found[field as F] ??= sentence(problem, error);
    else complete = false;
  }
  return { fields: found, rest: complete ? null : error };
}

/** A refusal of one field in words that stand at it: there the API's name of the field has no place. */
export function fieldMessage(error: unknown): string {
  const first = error instanceof ProblemError ? error.errors[0] : undefined;
  return first ? sentence(first, error as ProblemError) : described(error).message;
}

/** What is said of a field may lack its subject ("is no email address"): the error's own sentence has it, unless that is the API's name. */
function sentence({ path, message }: ProblemError['errors'][number], { message: whole, errors }: ProblemError): string {
  if (!/^[a-z]/.test(message)) return message;
  return errors.length === 1 && whole !== `${path} ${message}.` ? whole : `This ${message}.`;
}
