import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core';
import { createTheme } from '@mantine/core';

/** Where the chosen colour scheme is kept; public/color-scheme.js reads the same key. */
export const colorSchemeKey = 'letterlog-color-scheme';

const ink: MantineColorsTuple = [
  '#eef3fb',
  '#dde7f6',
  '#b9cceb',
  '#93aedf',
  '#7497d6',
  '#5580cb',
  '#365fb3',
  '#2f5199',
  '#26427d',
  '#1b305c',
];

/** Greys with a little warmth, like paper. */
const gray: MantineColorsTuple = [
  '#faf9f7',
  '#f4f3f0',
  '#e9e7e2',
  '#dcd9d3',
  '#c8c4bc',
  '#a8a49b',
  '#7a766d',
  '#5a564e',
  '#3e3b35',
  '#25231f',
];

const dark: MantineColorsTuple = [
  '#e5e3df',
  '#cbc8c2',
  '#aaa79f',
  '#8b8880',
  '#3f3d3a',
  '#302f2c',
  '#262523',
  '#1c1b1a',
  '#151413',
  '#0f0e0d',
];

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 6, dark: 6 },
  colors: { ink, gray, dark },
  black: '#25231f',
  defaultRadius: 'sm',
  radius: { xs: '3px', sm: '6px', md: '8px', lg: '12px', xl: '20px' },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.875rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'sm' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true, events: { hover: true, focus: true, touch: false } } },
    Modal: {
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.35 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Anchor: { defaultProps: { underline: 'always' } },
    // In a landmark, and without the placeholder that is no menu item.
    Menu: {
      defaultProps: {
        shadow: 'md',
        position: 'bottom-end',
        withInitialFocusPlaceholder: false,
        portalProps: { target: '#main' },
      },
    },
    ActionBar: { defaultProps: { portalProps: { target: '#main' } } },
    NavLink: { defaultProps: { variant: 'light' } },
    // A dialog's head is no banner of the page.
    ModalHeader: { defaultProps: { role: 'none' } },
    DrawerHeader: { defaultProps: { role: 'none' } },
    CloseButton: { defaultProps: { 'aria-label': 'Close' } },
  },
});

/** Colours that Mantine's own choices leave below a contrast of 4.5 to 1, and our surfaces. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#656158',
    '--mantine-color-placeholder': '#757168',
    '--mantine-color-error': '#b42318',
    '--mantine-color-anchor': 'var(--mantine-color-ink-7)',
    '--mantine-color-default-border': 'var(--mantine-color-gray-3)',
    '--mantine-color-yellow-light': '#f6eed9',
    '--mantine-color-yellow-light-color': '#6d5316',
    '--letterlog-line': 'var(--mantine-color-gray-2)',
    '--letterlog-surface': 'var(--mantine-color-gray-0)',
    '--letterlog-hover': 'var(--mantine-color-gray-1)',
    '--letterlog-received': '#1d6b4f',
    '--letterlog-received-bg': '#e3f2eb',
    '--letterlog-sent': '#2f5199',
    '--letterlog-sent-bg': '#e4ecf9',
    '--letterlog-copied': '#6d5316',
    '--letterlog-copied-bg': '#f6eed9',
    '--letterlog-neutral': '#5a564e',
    '--letterlog-neutral-bg': '#f0eeea',
    '--letterlog-danger': '#a3261c',
    '--letterlog-danger-bg': '#fbe9e7',
  },
  dark: {
    '--mantine-color-dimmed': '#aaa79f',
    '--mantine-color-placeholder': '#97948c',
    '--mantine-color-error': '#ff9d92',
    '--mantine-color-anchor': 'var(--mantine-color-ink-3)',
    '--mantine-color-yellow-light': '#37301b',
    '--mantine-color-yellow-light-color': '#e2c77d',
    '--letterlog-line': 'var(--mantine-color-dark-5)',
    '--letterlog-surface': 'var(--mantine-color-dark-8)',
    '--letterlog-hover': 'var(--mantine-color-dark-6)',
    '--letterlog-received': '#86d3b1',
    '--letterlog-received-bg': '#1d342a',
    '--letterlog-sent': '#a9c3f0',
    '--letterlog-sent-bg': '#212e46',
    '--letterlog-copied': '#e2c77d',
    '--letterlog-copied-bg': '#37301b',
    '--letterlog-neutral': '#c0bdb6',
    '--letterlog-neutral-bg': '#2c2b28',
    '--letterlog-danger': '#ffa99f',
    '--letterlog-danger-bg': '#43221f',
  },
});
