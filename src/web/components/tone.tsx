import type { ReactNode } from 'react';
import classes from './tone.module.css';

export type Tone = 'good' | 'info' | 'warn' | 'bad' | 'neutral';

/** A state, in a colour that says how it is; the words say it too. */
export function ToneBadge({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }) {
  return (
    <span className={classes['tone']} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

/** A small label: a stage, a tag, a role. */
export function Label({ children }: { children: string }) {
  return (
    <span className={classes['label']} title={children}>
      {children}
    </span>
  );
}
