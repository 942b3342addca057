import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';

/** What the keys do; the help shows this list. */
export const shortcuts: { keys: string[]; does: string }[] = [
  { keys: ['/'], does: 'Search' },
  { keys: ['g', 'c'], does: 'Go to Contacts' },
  { keys: ['g', 't'], does: 'Go to Tasks' },
  { keys: ['g', 'a'], does: 'Go to Automations' },
  { keys: ['g', 'e'], does: 'Go to your Email Sync' },
  { keys: ['g', 'w'], does: 'Go to Why?' },
  { keys: ['n'], does: 'New contact, task, automation or connection: what the screen lists' },
  { keys: ['↓', '↑'], does: 'Next or previous line of a list' },
  { keys: ['Enter'], does: 'Open the line' },
  { keys: ['Esc'], does: 'Close what is open' },
  { keys: ['?'], does: 'Show this help' },
];

const places: Record<string, string> = {
  c: '/contacts',
  t: '/tasks',
  a: '/automations',
  e: '/profile/email-sync',
  w: '/administration/email/why',
};

/** Marks the search box of a screen (for "/") and its button for something new (for "n"). */
export const searchBox = { 'data-shortcut': 'search' } as const;
export const newButton = { 'data-shortcut': 'new' } as const;

/** Single keys; nothing happens while somebody writes or a dialog is open. */
export function useShortcuts(onHelp: () => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    let wentG = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement | null;
      if (target?.closest('input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]'))
        return;
      if (document.querySelector('[role=dialog][aria-modal=true]')) return;
      const after = Date.now() - wentG < 1200;
      wentG = 0;
      const place = places[event.key];
      if (after && place) {
        event.preventDefault();
        void navigate({ to: place });
      } else if (event.key === 'g') wentG = Date.now();
      else if (event.key === '?') onHelp();
      else if (event.key === '/') {
        event.preventDefault();
        const box = document.querySelector<HTMLInputElement>('[data-shortcut=search]');
        if (box) box.focus();
        else void navigate({ to: '/contacts', search: { focus: true } as never });
      } else if (event.key === 'n') {
        const button = document.querySelector<HTMLElement>('[data-shortcut=new]');
        if (!button) return;
        event.preventDefault();
        button.click();
      } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveLine(event);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, onHelp]);
}

/** Moves the focus among the lines of the list on the screen; a line's link or button carries data-line. */
function moveLine(event: KeyboardEvent): void {
  const lines = [...document.querySelectorAll<HTMLElement>('main [data-line]')].filter(
    (line) => line.offsetParent !== null,
  );
  if (lines.length === 0) return;
  const at = lines.indexOf(document.activeElement as HTMLElement);
  const active = document.activeElement;
  if (at < 0 && active && active !== document.body && active.tagName !== 'MAIN') return;
  const next = lines[at < 0 ? 0 : at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}
