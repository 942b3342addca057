import type { z } from 'zod';
import type { Trx } from '../../db/open.ts';

/** The step that runs: which contact's, and its key (runId, visit). */
export interface StepContext {
  accountId: string;
  runId: string;
  visit: number;
  contactId: string;
  /** The database's clock. */
  now: Date;
}

export interface Outcome {
  /** What was done, kept with the step. */
  did: Record<string, unknown>;
  /** The contact stays at the element until then. */
  waitUntil?: Date;
}

export const referenceTypes = ['tag', 'segment', 'stage', 'user'] as const;
export type ReferenceType = (typeof referenceTypes)[number];

/** A row that an element's setting names; id null while nothing is chosen. */
export interface Reference {
  field: string;
  type: ReferenceType;
  id: string | null;
}

/** The name of a referred row; undefined when it does not exist (any more). */
export type NameOf = (type: ReferenceType, id: string) => string | undefined;

/** One kind of action. Its settings are validated by `schema` before anything else sees them. */
export interface Action<Schema extends z.ZodObject = z.ZodObject> {
  schema: Schema;
  /** What it is called to people, in a sentence's place: "Add the tag “VIP”". */
  label(settings: z.infer<Schema>, nameOf: NameOf): string;
  references(settings: z.infer<Schema>): Reference[];
  /** What else must hold before publishing, beyond the schema: the field, and what to do. */
  problems?(settings: z.infer<Schema>): { field: string; message: string }[];
  /**
   * Does it, in the step's transaction and in this database only; runs once for each (run, visit).
   * Throws StepFailed where trying again can't help.
   */
  run(trx: Trx, context: StepContext, settings: z.infer<Schema>): Promise<Outcome>;
}

/** The step can't be done, now or later: the run ends with this sentence. */
export class StepFailed extends Error {
  override name = 'StepFailed';
}
