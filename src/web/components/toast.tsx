import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { described } from './problem.tsx';

/** Says that something is done; with `undo` there is a way back for as long as it shows. */
export function say(message: string, undo?: () => void): void {
  const id = crypto.randomUUID();
  notifications.show({
    id,
    color: 'ink',
    withBorder: true,
    autoClose: undo ? 8000 : 4000,
    closeButtonProps: { 'aria-label': 'Dismiss' },
    message: (
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm">{message}</Text>
        {undo && (
          <Button
            variant="subtle"
            style={{ flex: 'none' }}
            onClick={() => {
              notifications.hide(id);
              undo();
            }}
          >
            Undo
          </Button>
        )}
      </Group>
    ),
  });
}

/** Says that something failed which has no place of its own on the screen. */
export function sayProblem(error: unknown, title?: string): void {
  const { message, hint } = described(error);
  notifications.show({
    color: 'red',
    withBorder: true,
    autoClose: 10_000,
    closeButtonProps: { 'aria-label': 'Dismiss' },
    title,
    message: hint ? `${message} ${hint}` : message,
  });
}
