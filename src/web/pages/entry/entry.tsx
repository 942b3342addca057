import { Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Logo } from '../../components/logo.tsx';
import classes from './entry.module.css';

/** The screens before anybody is signed in. */
export function Entry({ title, intro, children }: { title: string; intro?: ReactNode; children: ReactNode }) {
  useDocumentTitle(`${title} · Letterlog`);
  return (
    <main className={classes['place']}>
      <div className={classes['card']}>
        <div className={classes['brand']}>
          <Logo size={30} />
          Letterlog
        </div>
        <Title order={1}>{title}</Title>
        <div className={classes['intro']}>{intro}</div>
        {children}
      </div>
    </main>
  );
}
