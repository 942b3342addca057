/** The command line was wrong: the usage is printed with it. */
export class UsageError extends Error {}
