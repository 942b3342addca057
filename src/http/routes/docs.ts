import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { errorCodes } from '../../errors.ts';
import { statusOf, titleOf } from '../errors.ts';

interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: unknown }[];
  requestBody?: { content?: Record<string, { schema?: unknown }> };
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: unknown }> }>;
}

interface ApiDocument {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.5rem; }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding-top: 0.5rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 0.25rem 1rem 0.25rem 0; vertical-align: top; }
summary { cursor: pointer; padding: 0.25rem 0; } summary b { display: inline-block; min-width: 4.5rem; }
`;

/** Not written into the page's template: what formats that would change the text, and with it the hash. */
const styleTag = `<style>${style}</style>`;

/** The policy of the reference page: its one style and nothing else. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The API reference as one page without scripts, made from the OpenAPI document. */
export function docsPage(document: ApiDocument) {
  const byTag = new Map<string, { method: string; path: string; operation: Operation }[]>();
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags?.[0] ?? 'Other';
      byTag.set(tag, [...(byTag.get(tag) ?? []), { method: method.toUpperCase(), path, operation }]);
    }
  }
  const tags = [...byTag].sort(([a], [b]) => a.localeCompare(b));
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Letterlog API</title>
        ${raw(styleTag)}
      </head>
      <body>
        <main>
          <h1>Letterlog API</h1>
          <p>
            All paths are below <code>/api/v1</code>. Send an API key with each request:
            <code>Authorization: Bearer ll_...</code>. The machine-readable document is
            <a href="/api/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).
          </p>
          <nav>
            ${tags.map(([tag]) => html`<a href="#${slug(tag)}">${tag}</a> `)}<a href="#errors">Errors</a>
            <a href="#schemas">Schemas</a>
          </nav>
          ${tags.map(
            ([tag, operations]) =>
              html`<section id="${slug(tag)}">
                <h2>${tag}</h2>
                ${operations.map(operationBlock)}
              </section>`,
          )}
          <section id="errors">
            <h2>Errors</h2>
            <p>Every error is <code>application/problem+json</code> (RFC 9457). Codes are stable.</p>
            <table>
              <thead>
                <tr>
                  <th>code</th>
                  <th>status</th>
                  <th>meaning</th>
                </tr>
              </thead>
              <tbody>
                ${errorCodes.map(
                  (code) =>
                    html`<tr id="error-${code}">
                      <td><code>${code}</code></td>
                      <td>${statusOf[code]}</td>
                      <td>${titleOf[code]}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </section>
          <section id="schemas">
            <h2>Schemas</h2>
            ${Object.entries(document.components?.schemas ?? {}).map(
              ([name, schema]) =>
                html`<h3 id="schema-${name}">${name}</h3>
                  <pre>${JSON.stringify(schema, null, 2)}</pre>`,
            )}
          </section>
        </main>
      </body>
    </html>`;
}

function operationBlock({ method, path, operation }: { method: string; path: string; operation: Operation }) {
  const body = operation.requestBody?.content?.['application/json']?.schema;
  return html`<details>
    <summary><b>${method}</b> <code>${path}</code> — ${operation.summary ?? ''}</summary>
    ${operation.security?.length === 0 ? html`<p>Needs no sign-in.</p>` : ''}
    ${operation.description ? html`<p>${operation.description}</p>` : ''}
    ${
      operation.parameters?.length
        ? html`<table>
            <thead>
              <tr>
                <th>parameter</th>
                <th>in</th>
                <th>required</th>
                <th>schema</th>
              </tr>
            </thead>
            <tbody>
              ${operation.parameters.map(
                (parameter) =>
                  html`<tr>
                    <td><code>${parameter.name}</code></td>
                    <td>${parameter.in}</td>
                    <td>${parameter.required ? 'yes' : ''}</td>
                    <td><code>${JSON.stringify(parameter.schema)}</code> ${parameter.description ?? ''}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
        : ''
    }
    ${
      body
        ? html`<p>Body</p>
            <pre>${JSON.stringify(body, null, 2)}</pre>`
        : ''
    }
    ${Object.entries(operation.responses ?? {})
      .filter(([status]) => status !== 'default')
      .map(([status, response]) => {
        const schema = response.content?.['application/json']?.schema;
        return html`<p>${status}: ${response.description ?? ''}</p>
          ${schema ? html`<pre>${JSON.stringify(schema, null, 2)}</pre>` : ''}`;
      })}
  </details>`;
}

function slug(tag: string): string {
  return tag.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
