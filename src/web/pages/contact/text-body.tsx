import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Fragment, useState } from 'react';
import classes from './item.module.css';
import { splitQuoted } from './quoted-text.ts';

/** A mail's plain text: links can be followed, and what is quoted at the end is folded. */
export function TextBody({ text }: { text: string }) {
  const [unfolded, setUnfolded] = useState(false);
  const { own, quoted } = splitQuoted(text);
  return (
    <div className={classes['text']}>
      {withLinks(own)}
      {quoted && (
        <div style={{ marginTop: 10 }}>
          <Button size="compact-xs" variant="default" aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
            {unfolded ? 'Hide quoted text' : 'Show quoted text'}
          </Button>
          {unfolded && <div className={classes['quoted']}>{withLinks(quoted)}</div>}
        </div>
      )}
    </div>
  );
}

const address = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g;

function withLinks(text: string): ReactNode {
  return text.split(address).map((piece, index) =>
    index % 2 === 1 ? (
      <a key={index} href={piece} target="_blank" rel="noopener noreferrer nofollow">
        {piece}
      </a>
    ) : (
      <Fragment key={index}>{piece}</Fragment>
    ),
  );
}
