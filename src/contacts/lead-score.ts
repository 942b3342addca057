/** A lead score lies between this and its negative, whoever changes it. */
export const highestLeadScore = 1_000_000;
