import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../errors.ts';

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Letterlog</title>
<h1>The web app is not built yet</h1><p>Run <code>npm run build</code>, then load this page again. The API works without it: see <a href="/api/v1/docs">its reference</a>.</p></html>`;

/**
 * Serves the built web app: files as they are (those with a hash in the name for ever), its page for every other path, since the app
 * itself knows them. A missing file is 404 and not the page.
 */
export function serveWeb(webDir: string): MiddlewareHandler {
  return async (c) => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') throw new AppError('not_found', 'There is nothing here.');
    const wanted = insideOf(webDir, c.req.path);
    const file = wanted && (await fileAt(wanted));
    if (wanted && file) {
      const hashed = path.relative(webDir, wanted).startsWith(`assets${path.sep}`);
      return send(c, wanted, file, hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    }
    if (path.extname(c.req.path) !== '') throw new AppError('not_found', 'There is no such file.');
    const page = path.join(webDir, 'index.html');
    const found = await fileAt(page);
    return found ? send(c, page, found, 'no-cache') : c.html(notBuilt, 503);
  };
}

/** The path below the folder; null for one that would leave it or has no file name. */
function insideOf(webDir: string, requested: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(requested);
  } catch {
    return null;
  }
  if (decoded.includes('\0') || decoded.endsWith('/')) return null;
  const file = path.join(webDir, decoded);
  return file.startsWith(path.join(webDir, path.sep)) ? file : null;
}

async function fileAt(file: string): Promise<{ size: number; etag: string } | null> {
  const found = await stat(file).catch(() => null);
  return found?.isFile()
    ? { size: found.size, etag: `"${found.size.toString(36)}-${found.mtimeMs.toString(36)}"` }
    : null;
}

function send(c: Context, file: string, { size, etag }: { size: number; etag: string }, cache: string): Response {
  const headers = { 'cache-control': cache, etag };
  if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
  const body = c.req.method === 'HEAD' ? null : (Readable.toWeb(createReadStream(file)) as ReadableStream);
  return new Response(body, {
    headers: {
      ...headers,
      'content-type': types[path.extname(file)] ?? 'application/octet-stream',
      'content-length': String(size),
    },
  });
}
