import { sql } from 'kysely';

/** So many renumberings in a row, none over a week after the one before, make a folder unsteady. */
export const manyRenumberings = 3;

/**
 * Of `folder f`: the server renumbers it again and again, or backwards (edge case 2). Its messages are then recognised by what they are, and a listing
 * that starts over goes back a week only. A week without makes it steady.
 */
export const isUnsteady = sql<boolean>`(f.renumberings >= ${manyRenumberings} and f.renumbered_at > now() - interval '7 days')`;
