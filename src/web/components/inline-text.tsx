import { NumberInput, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { fieldMessage } from './problem.tsx';
import classes from './inline.module.css';

/** A text that is edited where it stands. Enter or leaving it saves, Escape takes back; a refusal shows below, with what was typed kept. */
export function InlineText(props: {
  label: string;
  value: string;
  placeholder?: string;
  onSave: (value: string) => Promise<unknown>;
}) {
  const { label, value, onSave } = props;
  const [typed, setTyped] = useState(value);
  const [error, setError] = useState<string | null>(null);
  const cancelled = useRef(false);
  useEffect(() => {
    setTyped(value);
    setError(null);
  }, [value]);

  const save = async () => {
    const next = typed.trim();
    if (cancelled.current || next === value) {
      cancelled.current = false;
      setTyped(value);
      setError(null);
      return;
    }
    try {
      setError(null);
      await onSave(next);
    } catch (problem) {
      setError(fieldMessage(problem));
    }
  };
  return (
    <TextInput
      label={label}
      size="xs"
      classNames={{ input: classes['input'], label: classes['label'] }}
      placeholder={props.placeholder ?? 'Add'}
      value={typed}
      error={error}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key === 'Escape') {
          event.stopPropagation();
          cancelled.current = true;
          event.currentTarget.blur();
        }
      }}
    />
  );
}

/** The same for a whole number; what is none takes back. */
export function InlineNumber(props: {
  label: string;
  value: number;
  min?: number;
  max?: number;
  onSave: (value: number) => Promise<unknown>;
}) {
  const { label, value, onSave } = props;
  const [typed, setTyped] = useState<number | string>(value);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    setTyped(value);
    setError(null);
  }, [value]);
  const save = async () => {
    const next = Number(typed);
    // An emptied field is a change of mind, not a zero.
    if (typed === '' || next === value || !Number.isInteger(next)) {
      setTyped(value);
      setError(null);
      return;
    }
    try {
      setError(null);
      await onSave(next);
    } catch (problem) {
      setError(fieldMessage(problem));
    }
  };
  return (
    <NumberInput
      label={label}
      size="xs"
      classNames={{ input: classes['input'], label: classes['label'] }}
      allowDecimal={false}
      hideControls
      thousandSeparator=","
      min={props.min}
      max={props.max}
      value={typed}
      error={error}
      onChange={setTyped}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') (event.target as HTMLElement).blur();
        if (event.key === 'Escape') {
          event.stopPropagation();
          setTyped(value);
        }
      }}
    />
  );
}
