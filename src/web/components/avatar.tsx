import { Avatar } from '@mantine/core';

const colors = ['ink', 'teal', 'grape', 'orange', 'cyan', 'pink', 'indigo', 'lime'];

/** Initials on a colour that stays the same for a name. Only an ornament: the name always stands beside it. */
export function Initials({ name, size = 28 }: { name: string; size?: number }) {
  const words = name
    .replace(/@.*/, '')
    .split(/[\s._-]+/)
    .filter(Boolean);
  const letters = (
    words.length > 1 ? `${words[0]?.[0] ?? ''}${words.at(-1)?.[0] ?? ''}` : (words[0] ?? '?').slice(0, 2)
  ).toUpperCase();
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return (
    <Avatar
      size={size}
      radius="xl"
      color={colors[sum % colors.length]}
      variant="light"
      styles={{ placeholder: { color: 'var(--mantine-color-text)' } }}
      aria-hidden
    >
      {letters}
    </Avatar>
  );
}
