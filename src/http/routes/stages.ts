import { createRoute, z } from '@hono/zod-openapi';
import { visibleText } from '../../automations/text.ts';
import { createStage, deleteStage, listStages, updateStage } from '../../contacts/stages.ts';
import type { Stage } from '../../contacts/stages.ts';
import type { Db } from '../../db/open.ts';
import { noContent, responses, router } from '../router.ts';

const params = z.object({ id: z.uuid() });
const name = visibleText(100, 'Enter a name.');
const tags = ['Stages'];

const stageSchema = z.object({ id: z.string(), name: z.string(), position: z.int() }).openapi('Stage');

const list = createRoute({
  method: 'get',
  path: '/stages',
  tags,
  summary: "The pipeline's stages in their order",
  responses: responses(200, 'The stages', z.array(stageSchema)),
});

const create = createRoute({
  method: 'post',
  path: '/stages',
  tags,
  summary: "Add a stage at the pipeline's end",
  request: { body: { required: true, content: { 'application/json': { schema: z.object({ name }) } } } },
  responses: responses(201, 'The stage', stageSchema),
});

const edit = createRoute({
  method: 'patch',
  path: '/stages/{id}',
  tags,
  summary: 'Rename a stage, or move it to a position (0 is the first)',
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({ name: name.optional(), position: z.int().min(0).max(1000).optional() }),
        },
      },
    },
  },
  responses: responses(200, 'The stage', stageSchema),
});

const remove = createRoute({
  method: 'delete',
  path: '/stages/{id}',
  tags,
  summary: 'Delete a stage; its contacts are then in none',
  request: { params },
  responses: noContent('Deleted'),
});

/** /stages */
export function stageRoutes({ db }: { db: Db }) {
  return router()
    .openapi(list, async (c) => c.json((await listStages(db, c.get('viewer').accountId)).map(present), 200))
    .openapi(create, async (c) =>
      c.json(present(await createStage(db, c.get('viewer').accountId, c.req.valid('json').name)), 201),
    )
    .openapi(edit, async (c) => {
      const { id } = c.req.valid('param');
      return c.json(present(await updateStage(db, c.get('viewer').accountId, id, c.req.valid('json'))), 200);
    })
    .openapi(remove, async (c) => {
      await deleteStage(db, c.get('viewer').accountId, c.req.valid('param').id);
      return c.body(null, 204);
    });
}

function present({ id, name: called, position }: Stage): z.infer<typeof stageSchema> {
  return { id, name: called, position };
}
