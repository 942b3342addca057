import { Select } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Named } from '../../api/types.ts';
import { fieldMessage } from '../../components/problem.tsx';

const create = ' create ';

/** Chooses a tag, a segment or a stage, or makes a new one of the name that was typed. */
export function CreatableSelect(props: {
  label: string;
  noun: string;
  value: string | null;
  all: Named[];
  queryKey: readonly string[];
  create: (name: string) => Promise<Named>;
  error?: string;
  onChange: (id: string) => void;
}) {
  const { all, noun, onChange } = props;
  const client = useQueryClient();
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<string | null>(null);
  const name = typed.trim();
  const known = all.some((one) => one.name.toLowerCase() === name.toLowerCase());
  const data = all.map((one) => ({ value: one.id, label: one.name }));
  const choose = async (value: string | null) => {
    if (!value) return;
    setError(null);
    if (value !== create) return onChange(value);
    try {
      const made = await props.create(name);
      await client.invalidateQueries({ queryKey: props.queryKey });
      onChange(made.id);
    } catch (problem) {
      setError(fieldMessage(problem));
    }
  };
  return (
    <Select
      label={props.label}
      placeholder={`Choose or type a new ${noun}`}
      searchable
      allowDeselect={false}
      searchValue={typed}
      onSearchChange={setTyped}
      data={name && !known ? [...data, { value: create, label: `Create “${name}”` }] : data}
      filter={({ options, search }) => {
        const wanted = search.trim().toLowerCase();
        return options.filter(
          (option) => 'value' in option && (option.value === create || option.label.toLowerCase().includes(wanted)),
        );
      }}
      nothingFoundMessage={`Type to make a ${noun}`}
      value={props.value}
      error={error ?? props.error}
      onChange={(value) => void choose(value)}
    />
  );
}
