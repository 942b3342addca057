import { Stack, Text, ThemeIcon, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** What stands where there is nothing yet: why, and what to do about it. `order` 1 where it is the whole screen. */
export function Empty(props: {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  order?: 1 | 2;
}) {
  return (
    <Stack align="center" gap="xs" py={56} px="md" ta="center" style={{ overflowWrap: 'anywhere' }}>
      <ThemeIcon variant="light" color="gray" size={52} radius="xl" aria-hidden>
        {props.icon}
      </ThemeIcon>
      <Title order={props.order ?? 2} mt={4}>
        {props.title}
      </Title>
      {props.children && (
        <Text size="sm" c="dimmed" maw="52ch" component="div">
          {props.children}
        </Text>
      )}
      {props.action && <div style={{ marginTop: 8 }}>{props.action}</div>}
    </Stack>
  );
}
