import { createRoute, z } from '@hono/zod-openapi';
import { createLabel, deleteLabel, listLabels, renameLabel } from '../../contacts/labels.ts';
import { visibleText } from '../../automations/text.ts';
import type { LabelRow } from '../../contacts/labels.ts';
import type { Db } from '../../db/open.ts';
import { noContent, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const name = visibleText(100, 'Enter a name.');
const body = { required: true, content: { 'application/json': { schema: z.object({ name }) } } };
const tags = ['Segments'];

const segmentSchema = z.object({ id: z.string(), name: z.string(), contactCount: z.int() }).openapi('Segment');

const list = createRoute({
  method: 'get',
  path: '/segments',
  tags,
  summary: 'The segments by name, with how many contacts each has',
  responses: responses(200, 'The segments', z.array(segmentSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/segments',
  tags,
  summary: 'Create a segment; names are unique without regard to case',
  request: { body },
  responses: responses(201, 'The segment', segmentSchema),
});

const rename = createRoute({
  method: 'patch',
  path: '/segments/{id}',
  tags,
  summary: 'Rename a segment',
  request: { params, body },
  responses: responses(200, 'The segment', segmentSchema),
});

const remove = createRoute({
  method: 'delete',
  path: '/segments/{id}',
  tags,
  summary: 'Delete a segment; its contacts stay',
  request: { params },
  responses: noContent('Deleted'),
});

/** /segments */
export function segmentRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => c.json((await listLabels(db, 'segment', c.get('viewer').accountId)).map(present), 200))
    .openapi(create, async (c) =>
      c.json(present(await createLabel(db, 'segment', c.get('viewer').accountId, c.req.valid('json').name)), 201),
    )
    .openapi(rename, async (c) => {
      const { id } = c.req.valid('param');
      return c.json(
        present(await renameLabel(db, 'segment', c.get('viewer').accountId, id, c.req.valid('json').name)),
        200,
      );
    })
    .openapi(remove, async (c) => {
      await deleteLabel(db, 'segment', c.get('viewer').accountId, c.req.valid('param').id);
      return c.body(null, 204);
    });
}

function present({ id, name: called, contactCount }: LabelRow): z.infer<typeof segmentSchema> {
  return { id, name: called, contactCount };
}
