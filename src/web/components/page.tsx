import { Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Fragment } from 'react';
import classes from './page.module.css';

/** A screen: its heading, what can be done, and its content. */
export function Page(props: {
  title: string;
  /** Shown instead of the title, when it is more than text. */
  heading?: ReactNode;
  crumbs?: ReactNode[];
  intro?: ReactNode;
  actions?: ReactNode;
  narrow?: boolean;
  children: ReactNode;
}) {
  useDocumentTitle(`${props.title} · Letterlog`);
  return (
    <div className={props.narrow ? `${classes['page']} ${classes['narrow']}` : classes['page']}>
      <div className={classes['head']}>
        <div className={classes['words']}>
          {props.crumbs && (
            <nav className={classes['crumbs']} aria-label="Path">
              {props.crumbs.map((crumb, index) => (
                <Fragment key={index}>
                  {index > 0 && <span aria-hidden>/</span>}
                  <span>{crumb}</span>
                </Fragment>
              ))}
            </nav>
          )}
          {props.heading ?? <Title order={1}>{props.title}</Title>}
        </div>
        {props.intro && <p className={classes['intro']}>{props.intro}</p>}
        {props.actions && <div className={classes['actions']}>{props.actions}</div>}
      </div>
      {props.children}
    </div>
  );
}
