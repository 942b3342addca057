import type { OpenAPIHono } from '@hono/zod-openapi';
import { errorCodes } from '../errors.ts';
import { statusOf, titleOf } from './errors.ts';
import type { ApiEnv } from './router.ts';

/** The OpenAPI 3.1 document of the API, from the same schemas that validate it. */
export function openApiDocument(api: OpenAPIHono<ApiEnv>, url: string) {
  api.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key: `Authorization: Bearer ll_...`. It acts as its user in one account.',
  });
  api.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: `${url.startsWith('https:') ? '__Secure-' : ''}letterlog.session_token`,
    description:
      'The cookie that POST /api/auth/sign-in/email sets. Changing requests need this installation’s own Origin.',
  });
  const document = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Letterlog',
      version: '1',
      description: introduction(),
      license: { name: 'MIT' },
    },
    servers: [{ url: `${url}/api/v1` }],
    security: [{ apiKey: [] }, { session: [] }],
  });
  // Said on each operation too: not every reader looks at the document's own.
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations as Record<string, { security?: unknown }>)) {
      operation.security ??= document.security;
    }
  }
  return document;
}

function introduction(): string {
  const errors = errorCodes.map((code) => `| \`${code}\` | ${statusOf[code]} | ${titleOf[code]} |`).join('\n');
  return `JSON in camelCase, ids as text, times in ISO 8601 UTC. Lists that can grow answer \`{ items, nextCursor }\`.

Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`:

| code | status | meaning |
| --- | --- | --- |
${errors}`;
}
