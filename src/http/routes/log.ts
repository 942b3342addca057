import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import type { Db } from '../../db/open.ts';
import type { HtmlDeps } from '../../log/html-of.ts';
import { openAttachment, readLogItem } from '../../log/read.ts';
import type { Attachment } from '../../log/read.ts';
import { whyFired } from '../../automations/why-fired.ts';
import { whyLogItem } from '../../log/why.ts';
import { presentWholeLogItem, wholeLogItemSchema } from '../presenters/log-item.ts';
import { presentWhy, whySchema } from '../presenters/why.ts';
import { problem, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const tags = ['Contact Log'];

const get = createRoute({
  method: 'get',
  path: '/log/{id}',
  tags,
  summary: 'Read a log item with its whole message',
  request: { params },
  responses: responses(200, 'The log item', wholeLogItemSchema),
});

const attachment = createRoute({
  method: 'get',
  path: '/log/{id}/attachments/{part}',
  tags,
  summary: "Download an attachment, decoded. With inline=1 an image that can't carry script is shown in place",
  request: {
    params: params.extend({ part: z.string().max(100) }),
    query: z.object({ inline: z.enum(['0', '1']).optional() }),
  },
  responses: {
    200: {
      description: 'The bytes',
      content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    default: { description: 'Error', content: { 'application/problem+json': { schema: problem } } },
  },
});

const why = createRoute({
  method: 'get',
  path: '/log/{id}/why',
  tags,
  summary: 'Why is this email here? Where it was seen, what was decided, by which rule, when',
  request: { params },
  responses: responses(200, 'The answer', whySchema),
});

/** Images that hold pixels only: no SVG. */
const rasterTypes = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

export interface LogRouteDeps extends HtmlDeps {
  db: Db;
  /** Reads one part out of a raw message (mail/part.ts). */
  openPart(raw: Readable, part: string): Promise<{ body: Readable }>;
}

/** /log */
export function logRoutes(deps: LogRouteDeps) {
  const { db } = deps;
  return router()
    .openapi(get, async (c) =>
      c.json(presentWholeLogItem(await readLogItem(db, deps, c.get('viewer'), c.req.valid('param').id)), 200),
    )
    .openapi(attachment, async (c) => {
      const { id, part } = c.req.valid('param');
      const opened = await openAttachment(db, deps, c.get('viewer'), id, part);
      const headers = headersOf(opened.attachment, c.req.valid('query').inline === '1');
      // Nobody reads a body there, which would hold its file open.
      if (c.req.method === 'HEAD') opened.body.destroy();
      const body = c.req.method === 'HEAD' ? null : (Readable.toWeb(opened.body) as ReadableStream);
      return new Response(body, { status: 200, headers });
    })
    .openapi(why, async (c) => {
      const viewer = c.get('viewer');
      const { id } = c.req.valid('param');
      return c.json(presentWhy(await whyLogItem(db, viewer, id), await whyFired(db, viewer, [id])), 200);
    });
}

/** What a stranger sent is never a page of ours: not sniffed, not run, and shown in place only where it is pixels. */
function headersOf({ contentType, filename }: Attachment, inline: boolean): Record<string, string> {
  const type = contentType.toLowerCase();
  const shown = inline && rasterTypes.has(type);
  return {
    'Content-Type': shown ? type : 'application/octet-stream',
    'Content-Disposition': `${shown ? 'inline' : 'attachment'}; ${named(filename)}`,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'private, no-store',
  };
}

/** RFC 6266: an ASCII name for old clients, the real one encoded (RFC 8187). */
function named(filename: string): string {
  const name = filename.toWellFormed().replace(/[\p{Cc}/\\]/gu, '_') || 'attachment';
  const ascii = name.replace(/[^\x20-\x7e]|["%]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return `filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
