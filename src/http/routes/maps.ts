import { createRoute, z } from '@hono/zod-openapi';
import { createMap, deleteMap, editMap } from '../../automations/edit-map.ts';
import { listFirings } from '../../automations/list-firings.ts';
import { listMaps, loadMap } from '../../automations/load-map.ts';
import { graphSchema } from '../../automations/map.ts';
import { pauseMap, publishMap, resumeMap } from '../../automations/publish.ts';
import { visibleText } from '../../automations/text.ts';
import type { Db } from '../../db/open.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { firingSchema, mapSchema, presentFiring, presentMap } from '../presenters/map.ts';
import { noContent, pageOf, paging, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const name = visibleText(200, 'Enter a name.');
const tags = ['Maps'];

const list = createRoute({
  method: 'get',
  path: '/maps',
  tags,
  summary: 'List the automation maps by name',
  request: { query: z.object(paging) },
  responses: responses(200, 'A page of maps', pageOf(mapSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/maps',
  tags,
  summary: "Create a map: a draft that makes a task for the contact's owner when the contact sends an email",
  request: { body: { required: true, content: { 'application/json': { schema: z.object({ name }) } } } },
  responses: responses(201, 'The map', mapSchema),
});

const get = createRoute({
  method: 'get',
  path: '/maps/{id}',
  tags,
  summary: 'Get a map',
  request: { params },
  responses: responses(200, 'The map', mapSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/maps/{id}',
  tags,
  summary: "Change a map's name or draft",
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': { schema: z.object({ name: name.optional(), graph: graphSchema.optional() }) },
      },
    },
  },
  responses: responses(200, 'The map', mapSchema),
});

const remove = createRoute({
  method: 'delete',
  path: '/maps/{id}',
  tags,
  summary: 'Delete a map and its runs; what they did stays',
  request: { params },
  responses: noContent('Deleted'),
});

const publish = createRoute({
  method: 'post',
  path: '/maps/{id}/publish',
  tags,
  summary: 'Publish the draft: from now on contacts begin on it. Nothing fires for the past',
  request: { params },
  responses: responses(200, 'The map', mapSchema),
});

const pause = createRoute({
  method: 'post',
  path: '/maps/{id}/pause',
  tags,
  summary: 'Pause a map: nothing fires, and contacts stay where they are',
  request: { params },
  responses: responses(200, 'The map', mapSchema),
});

const resume = createRoute({
  method: 'post',
  path: '/maps/{id}/resume',
  tags,
  summary: 'Resume a paused map: contacts go on from where they are',
  request: { params },
  responses: responses(200, 'The map', mapSchema),
});

const firings = createRoute({
  method: 'get',
  path: '/maps/{id}/firings',
  tags,
  summary: 'When the map fired and for whom, newest first',
  request: { params, query: z.object(paging) },
  responses: responses(200, 'A page of firings', pageOf(firingSchema)),
});

/** /maps */
export function mapRoutes({ db, jobs }: { db: Db; jobs: Jobs }) {
  return router()
    .openapi(list, async (c) => {
      const page = await listMaps(db, c.get('viewer').accountId, c.req.valid('query'));
      return c.json({ ...page, items: page.items.map(presentMap) }, 200);
    })
    .openapi(create, async (c) => c.json(presentMap(await createMap(db, c.get('viewer'), c.req.valid('json'))), 201))
    .openapi(get, async (c) =>
      c.json(presentMap(await loadMap(db, c.get('viewer').accountId, c.req.valid('param').id)), 200),
    )
    .openapi(edit, async (c) => {
      const map = await editMap(db, c.get('viewer'), c.req.valid('param').id, c.req.valid('json'));
      return c.json(presentMap(map), 200);
    })
    .openapi(remove, async (c) => {
      await deleteMap(db, c.get('viewer'), c.req.valid('param').id);
      return c.body(null, 204);
    })
    .openapi(publish, async (c) =>
      c.json(presentMap(await publishMap(db, jobs, c.get('viewer'), c.req.valid('param').id)), 200),
    )
    .openapi(pause, async (c) => c.json(presentMap(await pauseMap(db, c.get('viewer'), c.req.valid('param').id)), 200))
    .openapi(resume, async (c) =>
      c.json(presentMap(await resumeMap(db, jobs, c.get('viewer'), c.req.valid('param').id)), 200),
    )
    .openapi(firings, async (c) => {
      const page = await listFirings(db, c.get('viewer'), c.req.valid('param').id, c.req.valid('query'));
      return c.json({ ...page, items: page.items.map(presentFiring) }, 200);
    });
}
