import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env['LETTERLOG_DEV_SERVER'] ?? 'http://127.0.0.1:4700';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist/web',
    emptyOutDir: true,
    // Data URLs would need holes in the content security policy.
    assetsInlineLimit: 0,
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    // The Host stays as it is: the server refuses requests of other origins than its own.
    proxy: { '/api': { target: server, changeOrigin: false } },
  },
});
