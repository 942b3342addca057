import { TagsInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Named } from '../api/types.ts';
import classes from './inline.module.css';
import { fieldMessage } from './problem.tsx';

/** Tags or segments of something. What doesn't exist yet is made by typing its name and pressing Enter. */
export function LabelsField(props: {
  label: string;
  value: Named[];
  all: Named[];
  queryKey: readonly string[];
  create: (name: string) => Promise<Named>;
  onSave: (labels: Named[]) => Promise<unknown>;
}) {
  const { label, value, all, create, onSave } = props;
  const client = useQueryClient();
  const [error, setError] = useState<string | null>(null);

  const change = async (names: string[]) => {
    setError(null);
    const known = new Map([...all, ...value].map((one) => [one.name.toLowerCase(), one]));
    try {
      const labels: Named[] = [];
      for (const name of names.map((text) => text.trim()).filter(Boolean)) {
        const found = known.get(name.toLowerCase());
        labels.push(found ?? (await create(name)));
        if (!found) void client.invalidateQueries({ queryKey: props.queryKey });
      }
      await onSave([...new Map(labels.map((one) => [one.id, one])).values()]);
    } catch (problem) {
      setError(fieldMessage(problem));
    }
  };
  return (
    <TagsInput
      label={label}
      size="xs"
      classNames={{ input: classes['input'], label: classes['label'] }}
      placeholder={value.length === 0 ? 'Add' : undefined}
      value={value.map(({ name }) => name)}
      data={all.map(({ name }) => name)}
      error={error}
      acceptValueOnBlur={false}
      maxDropdownHeight={260}
      onChange={(names) => void change(names)}
    />
  );
}
