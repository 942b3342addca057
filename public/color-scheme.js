// Runs before anything is painted; src/web/main.tsx gives Mantine the same key.
(() => {
  let chosen = 'auto';
  try {
    chosen = localStorage.getItem('letterlog-color-scheme') ?? 'auto';
  } catch {
    // No storage allowed: follow the system.
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
